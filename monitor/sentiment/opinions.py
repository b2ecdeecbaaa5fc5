"""Liked, disliked and negating words of the languages with small models; own work, MIT.

A hyphen at the end stands for the endings of the language: "gut-" is gut, gute, gutem, guten ...
"""

from __future__ import annotations

_ENDINGS = {"de": ",e,em,en,er,es", "es": "o,a,os,as", "fr": ",e,s,es"}
_LIKED = {
    "de": """
gut- besser- beste bester bestes besten toll- super klasse prima spitze spitzen- hervorragend-
ausgezeichnet- perfekt- wunderbar- großartig- fantastisch- genial- zufrieden- glücklich-
begeistert- überzeugt- angenehm- freundlich- nett- hilfsbereit- kompetent- zuverlässig- sauber-
schön- lecker- köstlich- bequem- praktisch- einfach- schnell- pünktlich- günstig- fair-
reibungslos- problemlos- einwandfrei- tadellos- solide- stabil- bestens top liebe lieben gefällt
freue freut danke dank empfehle empfehlen empfehlenswert- empfehlung weiterempfehlen gerne gern
lob lohnt vorbildlich- traumhaft- erstklassig- liebevoll- klappt funktioniert
""",
    "es": """
buen buen- bien mejor mejores excelente excelentes super súper genial geniales perfect-
perfectamente estupend- fantástic- maravillos- magnífic- increíble increíbles fenomenal
espectacular impecable fabulos- content- satisfech- encantad- encanta encantó encantan feliz
felices agradable agradables amable amables simpátic- atent- profesional profesionales eficaz
eficiente eficientes rápid- rápidamente puntual puntuales fiable fiables sólid- limpi- bonit-
precios- cómod- práctic- fácil fáciles útil delicios- ric- gracias enhorabuena felicidades
recomiendo recomendable recomendables recomendar gusta gustó gustado gusto calidad acierto diez
barat- económic- sobresaliente inmejorable volveré volveremos repetiré maravilla funciona
""",
    "fr": """
bon bonne bons bonnes bien mieux meilleur- excellent- super génial- géniale géniaux top parfait-
parfaitement impeccable impeccables nickel formidable formidables magnifique magnifiques
merveilleux merveilleuse superbe superbes extra remarquable agréable agréables sympa sympas
sympathique sympathiques gentil gentille gentils aimable aimables accueillant- serviable souriant-
professionnel- professionnelle efficace efficaces rapide rapides rapidement ponctuel fiable
fiables solide solides propre propres pratique pratiques facile faciles confortable confortables
délicieux délicieuse délicieuses content- contente satisfait- ravi- enchanté- heureux heureuse
adore j'adore aime j'aime apprécie j'apprécie merci bravo félicitations recommande recommander
conseille plaisir qualité réussi- soigné- conforme conformes fidèle chapeau
""",
}
_DISLIKED = {
    "de": """
schlecht- schlechter- schlechteste mies- schlimm- übel furchtbar- schrecklich- grauenhaft-
katastrophal- katastrophe miserabel miserable miserabler unterirdisch- ungenügend mangelhaft-
enttäuscht- enttäuschend- enttäuschung unzufrieden- verärgert- sauer wütend- genervt nervt nervig-
ärger ärgerlich- frech- frechheit unverschämt- unverschämtheit unfreundlich- inkompetent-
unzuverlässig- unmöglich- lächerlich- peinlich- schande schade leider abzocke abgezockt betrug
betrüger betrogen kaputt- kaputtgegangen defekt- beschädigt- zerbrochen- gebrochen gerissen
schmutzig- dreckig- stinkt ekelhaft- kalt- langsam- teuer- überteuert- verspätet verspätung fehler
fehlerhaft- problem probleme störung ausfall ausgefallen abgestürzt falsch- fehlt verloren
verschwunden müll schrott dreck billig- nie niemals niemand keiner verweigert storniert umsonst
beschwerde reklamation reklamiert mahnung zumutung saftladen scheiße scheiß-
""",
    "es": """
mal mal- peor peores pésim- horrible horribles terrible terribles fatal lamentable lamentables
desastre desastros- asco asqueros- vergüenza vergonzos- ridícul- inaceptable inaceptables
intolerable indignante indignad- decepción decepcionad- decepcionante decepcionados descontent-
insatisfech- enfadad- enojad- furios- hart- molest- estafa estafadores estafad- timo robo ladrones
engaño engañ- mentira mentiros- mienten incompetente incompetentes grosero maleducad- desagradable
desagradables suci- frí- ruidos- rot- rompió rompe dañad- defectuos- averiad- avería falla fallo
fallos fallan error errores problema problemas queja quejas reclamación reclamaciones retraso
retrasos perdid- perdieron falta lent- car- carísim- nunca jamás nadie nada ningun- ninguna
imposible niegan cancelaron cancelad- cobraron cobro basura mierda chapuza inútil desgracia
lástima pena desafortunadamente evitar eviten cuidado
""",
    "fr": """
mauvais mauvaise mauvaises mal pire nul- nulle nulles horrible horribles affreux affreuse
catastrophe catastrophique lamentable lamentables déplorable déplorables minable minables médiocre
médiocres pitoyable inadmissible inacceptable scandaleux scandaleuse scandale honte honteux
honteuse ridicule décevant- déçu- déception mécontent- insatisfait- fâché- furieux furieuse
énervé- colère marre agaçant- pénible arnaque arnaqueurs l'arnaque escroc escrocs
escroquerie vol voleurs volé- mensonge menteurs incompétent- incompétence impoli- désagréable
désagréables sale sales froid- bruyant- cassé- abîmé- endommagé- défectueux défectueuse panne
plante bug bugs bloqué- erreur erreurs problème problèmes souci soucis retard retards perdu-
manquant- manque lent- lente cher chère hors fuir éviter évitez jamais rien personne aucun- aucune
impossible refuse refusent refusé- annulé- réclamation réclamations plainte litige dommage
malheureusement poubelle merde inutile inutilisable injoignable
""",
}
_NEGATIONS = {
    "de": """
nicht nie niemals kein keine keinen keinem keiner keines nichts niemand weder ohne kaum
""",
    "es": """
no nunca jamás nada nadie ningún ninguna ninguno sin ni tampoco
""",
    "fr": """
pas jamais rien aucun aucune sans ni ne n'est n'ai n'a n'était n'ont guère non
""",
}


def _spelt(stems: str, lang: str) -> set[str]:
    endings = _ENDINGS[lang].split(",")
    pairs = [(stem.removesuffix("-"), stem.endswith("-")) for stem in stems.split()]
    return {stem + ending for stem, bends in pairs for ending in (endings if bends else [""])}


#: Language: word: -1 or 1.
OPINIONS = {
    lang: dict.fromkeys(_spelt(_DISLIKED[lang], lang), -1)
    | dict.fromkeys(_spelt(_LIKED[lang], lang), 1)
    for lang in _ENDINGS
}
NEGATIONS = {lang: frozenset(words.split()) for lang, words in _NEGATIONS.items()}
