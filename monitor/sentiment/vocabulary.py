"""What is known of languages by hand: their names, and their small words."""

from __future__ import annotations

ENGLISH = "en"

#: English names of all languages that the detector knows (fasttext.cc, lid.176; ISO 639).
_NAMES = """
af Afrikaans|als Alemannic|am Amharic|an Aragonese|ar Arabic|arz Egyptian Arabic|as Assamese
ast Asturian|av Avar|az Azerbaijani|azb South Azerbaijani|ba Bashkir|bar Bavarian|bcl Bikol
be Belarusian|bg Bulgarian|bh Bihari|bn Bengali|bo Tibetan|bpy Bishnupriya|br Breton|bs Bosnian
bxr Buryat|ca Catalan|cbk Chavacano|ce Chechen|ceb Cebuano|ckb Central Kurdish|co Corsican|cs Czech
cv Chuvash|cy Welsh|da Danish|de German|diq Zazaki|dsb Lower Sorbian|dty Doteli|dv Dhivehi|el Greek
eml Emilian-Romagnol|en English|eo Esperanto|es Spanish|et Estonian|eu Basque|fa Persian|fi Finnish
fr French|frr North Frisian|fy Frisian|ga Irish|gd Scottish Gaelic|gl Galician|gn Guarani
gom Konkani|gu Gujarati|gv Manx|he Hebrew|hi Hindi|hif Fiji Hindi|hr Croatian|hsb Upper Sorbian
ht Haitian Creole|hu Hungarian|hy Armenian|ia Interlingua|id Indonesian|ie Interlingue|ilo Ilocano
io Ido|is Icelandic|it Italian|ja Japanese|jbo Lojban|jv Javanese|ka Georgian|kk Kazakh|km Khmer
kn Kannada|ko Korean|krc Karachay-Balkar|ku Kurdish|kv Komi|kw Cornish|ky Kyrgyz|la Latin
lb Luxembourgish|lez Lezgian|li Limburgish|lmo Lombard|lo Lao|lrc Northern Luri|lt Lithuanian
lv Latvian|mai Maithili|mg Malagasy|mhr Mari|min Minangkabau|mk Macedonian|ml Malayalam
mn Mongolian|mr Marathi|mrj Hill Mari|ms Malay|mt Maltese|mwl Mirandese|my Burmese|myv Erzya
mzn Mazanderani|nah Nahuatl|nap Neapolitan|nds Low German|ne Nepali|new Newar|nl Dutch|nn Norwegian
no Norwegian|oc Occitan|or Odia|os Ossetian|pa Punjabi|pam Kapampangan|pfl Palatine German
pl Polish|pms Piedmontese|pnb Western Punjabi|ps Pashto|pt Portuguese|qu Quechua|rm Romansh
ro Romanian|ru Russian|rue Rusyn|sa Sanskrit|sah Yakut|sc Sardinian|scn Sicilian|sco Scots
sd Sindhi|sh Serbo-Croatian|si Sinhala|sk Slovak|sl Slovenian|so Somali|sq Albanian|sr Serbian
su Sundanese|sv Swedish|sw Swahili|ta Tamil|te Telugu|tg Tajik|th Thai|tk Turkmen|tl Tagalog
tr Turkish|tt Tatar|tyv Tuvan|ug Uyghur|uk Ukrainian|ur Urdu|uz Uzbek|vec Venetian|vep Veps
vi Vietnamese|vls West Flemish|vo Volapük|wa Walloon|war Waray|wuu Wu Chinese|xal Kalmyk
xmf Mingrelian|yi Yiddish|yo Yoruba|yue Cantonese|zh Chinese
"""
NAMES = dict(name.split(" ", 1) for name in _NAMES.strip().replace("\n", "|").split("|"))

#: Words that tell a person nothing where they stand alone.
SMALL = {
    lang: frozenset(words.split())
    for lang, words in {
        "en": "a about after all also am an and any are as at be been before but by can could "
        "did do does for from get go got had has have he her him his how i i'd i'm i've "
        "if in into is it it's its just me my of on or our she so some than that that's "
        "the their them then there they this to up us was we were what when where which "
        "who why will with would you your",
        "de": "aber als am an auch auf aus bei bin bis da das dass dem den der des die doch du ein "
        "eine einem einen einer er es für habe haben hat ich ihr ihre im in ist ja man mein meine "
        "mich mir mit nach noch nur ob oder schon sein seit sich sie sind so um und uns vom von "
        "vor war was weil wenn wer wie wir wird wo wurde zu zum zur über",
        "fr": "a ai au aux avec c'est ce ces cette dans de depuis des du elle en est et eu fait il "
        "ils j j'ai je la le les leur ma mais me mes moi mon n'est ne nos notre nous on ont ou où "
        "par pas pour qu'il que qui sa se ses si son sont sur ta te tout tu un une vos votre "
        "vous y à était été être",
        "es": "a al ahora con cuando de del desde dos el ella ellos en era es esta estaba este "
        "esto está fue ha han hasta hay he la las le les lo los me mi mis muy más nos o os para "
        "pero por porque que qué se ser si sin sobre su sus también te tengo tiene todo tu un una "
        "uno y ya yo",
    }.items()
}
