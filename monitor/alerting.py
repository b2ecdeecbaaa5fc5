"""Who is told, how grave it is, and why: readable in one look, each reason with its number."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from monitor.domain import Mention, Score, Severity

HIGH_COMPLAINT = 0.9  #: from this probability of a complaint on it is of high severity
ONE_STAR = 0.0  #: so is a review with the fewest stars

Action = Literal["tell", "digest", "ignored"]


@dataclass(frozen=True, slots=True)
class Rules:
    """From when on the team is told. All numbers are 0..1."""

    complaint: float  #: probability that the team should be told
    negative: float  #: share of negative towards the brand
    sensitivity: Literal["complaints", "negatives"] = "complaints"  #: the second tells of more
    low_rating: float = 0.25  #: two stars of five
    precision: float | None = None  #: wanted of complaints told; then a learnt threshold counts
    learnt: bool = False  #: ``complaint`` was learnt from the brand's labels

    def of(self, learnt: float | None) -> Rules:
        """The rules of a brand whose labels taught the threshold ``learnt``, if they did."""
        if learnt is None or self.precision is None:
            return self
        return replace(self, complaint=learnt, learnt=True)


def decide(mention: Mention, score: Score, rules: Rules) -> tuple[Action, str, Severity]:
    """What is done about a mention, the reason in a few words for people, and its severity."""
    if mention.own:
        return "ignored", "own author", "normal"
    why = _told_because(mention, score, rules)
    if why is None:
        return "digest", _not_told_because(mention, score, rules), "normal"
    severity, grave = _severity(mention, score)
    return "tell", f"{why}; {grave}" if grave else why, severity


def _told_because(mention: Mention, score: Score, rules: Rules) -> str | None:
    rating = mention.post.rating
    if score.scored and score.complaint is not None and score.complaint >= rules.complaint:
        over = f", over {_number(rules.complaint)} learnt from labels" if rules.learnt else ""
        return f"complaint {_number(score.complaint)}{over}"
    if score.scored and score.negative >= rules.negative:
        return f"negative {_number(score.negative)}"
    if rating is not None and rating <= rules.low_rating and _has_text(mention):
        return _stars(rating) if score.scored else f"{_stars(rating)}, {_unscored(score)}"
    if score.scored and rules.sensitivity == "negatives" and score.label == "negative":
        return f"negative {_number(score.negative)}, more than the rest"
    return None


def _not_told_because(mention: Mention, score: Score, rules: Rules) -> str:
    rating = mention.post.rating
    if rating is not None and rating <= rules.low_rating:
        return f"{_stars(rating)} without a text"
    if not score.scored or score.complaint is None:
        return _unscored(score)
    learnt = " learnt from labels" if rules.learnt else ""
    return (
        f"complaint {_number(score.complaint)} is under {_number(rules.complaint)}{learnt}, "
        f"negative {_number(score.negative)} under {_number(rules.negative)}"
    )


def _unscored(score: Score) -> str:
    said = score.why[0] if score.why else ""
    return said if said.startswith("not scored") else f"not scored: {score.lang}"


def _has_text(mention: Mention) -> bool:
    return bool((mention.post.text + mention.post.title).strip())


def _stars(rating: float) -> str:
    stars = 1 + 4 * rating
    return f"{stars:.3g} {'star' if stars == 1 else 'stars'} of 5"


def _number(share: float) -> str:
    """``.91``; never rounded up to a certainty or to a threshold that was missed."""
    hundredths = int(share * 100 + 1e-9)
    return "1.0" if hundredths >= 100 else f".{hundredths:02}"


# -- severity ------------------------------------------------------------------------------------

#: What a company must hear of at once, whoever says it. A phrase may end in "*": any ending.
CRITICAL = {
    "safety": (
        "caught fire, on fire, burst into flames, exploded, explosion, electric shock, "
        "electrocuted, gas leak, carbon monoxide, smoke coming out, brakes failed, brake failed, "
        "no brakes, injured, injury, injuries, broke my arm, broke my leg, broken ribs, "
        "bruised ribs, in hospital, to hospital, ambulance, a and e, emergency room, "
        "food poisoning, allergic reaction, anaphyla*, choked on, choking, glass in my, "
        "could have been killed, could have died, nearly died, almost died, nearly killed, "
        "safety risk, safety hazard, safety recall, unsafe, a danger to"
    ),
    "legal": (
        "my lawyer*, my solicitor*, our lawyer*, our solicitor*, legal action, "
        "taking them to court, "
        "taking you to court, take them to court, take you to court, see you in court, "
        "small claims, class action, suing, sue you, sue them, lawsuit, trading standards, "
        "ombudsman, police report, crime reference, reported it to the police, letter before action"
    ),
    "data leak": (
        "data breach, data leak*, leaked my, leaked our, leaking customer*, personal data*, "
        "someone else's account, someone else's order*, someone else's details, "
        "someone else's address, another customer's, other customers' data, other people's orders, "
        "other people's addresses, my home address, my house on, start of my house, privacy zone*, "
        "card details stolen, stolen card, gdpr, identity theft, my account was hacked, got hacked"
    ),
}


def _pattern(phrases: str) -> re.Pattern[str]:
    each = (re.escape(p).replace(r"\*", r"\w*") for p in phrases.split(", "))
    return re.compile(rf"\b(?:{'|'.join(each)})\b")


_CRITICAL = {kind: _pattern(phrases) for kind, phrases in CRITICAL.items()}


def _severity(mention: Mention, score: Score) -> tuple[Severity, str]:
    """The severity of what the team is told, and why it is more than normal."""
    said = f"{mention.post.title}\n{mention.post.text}".casefold().replace("’", "'")
    for kind, pattern in _CRITICAL.items():
        if found := pattern.search(said):
            return "critical", f'{kind}: "{found[0]}"'
    if score.scored and (score.complaint or 0) >= HIGH_COMPLAINT:
        return "high", ""
    return ("high" if mention.post.rating == ONE_STAR else "normal"), ""
