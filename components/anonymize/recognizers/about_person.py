# ruff: noqa: E501, SIM905 - a pattern or a list of words is read as one line
"""What is said of a person rather than its name: occupation, nationality, faith, marital status, children, sums of money, spans of time."""

import re
from collections.abc import Iterator

from components.anonymize import lexicon
from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer
from components.anonymize.tokens import Token

_BE = frozenset("am i'm im is was were are be been being became become becoming he's she's as remained".split())
_ARTICLES = frozenset({"a", "an", "the", "my", "his", "her"})
_LABELS = frozenset({"occupation", "job", "profession", "title", "role", "nationality", "religion", "ethnicity", "status"})
_SELF = frozenset("i i'm i've im am my we we're me being been is was he's she's as".split())
_PEOPLE = frozenset(
    "national nationals citizen citizens woman man men women girl boy guy family parents parent mother father mom dad immigrant refugee descent origin heritage background household person people husband wife guy couple".split()
)
_REACH = 4
"""Words before an occupation or status in which its cue may stand."""


class ProfessionRecognizer(Recognizer):
    """Occupations of the list, said of somebody ("I'm a nurse", "works as a chef"); "my doctor" is nobody's occupation here."""

    TYPE = "PROFESSION"

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield occupations; without a cue they are weak."""
        tokens, lengths = document.tokens, lexicon.phrase_lengths("professions")
        for number, token in enumerate(tokens):
            key = token.key if token.key in lengths else token.key.removesuffix("s")
            for length in lengths.get(key, ()):
                last = number + length - 1
                if last < len(tokens) and _is_phrase(tokens[number : last + 1]):
                    yield token.start, tokens[last].end, 0.7 if _said_of_somebody(tokens, number) else 0.25
                    break


def _is_phrase(tokens: list[Token]) -> bool:
    if any(token.before not in {" ", "-"} for token in tokens[1:]):
        return False
    phrase = " ".join(token.key for token in tokens)
    return phrase in lexicon.phrases("professions") or phrase.removesuffix("s") in lexicon.phrases("professions")


def _said_of_somebody(tokens: list[Token], number: int) -> bool:
    """Find "am a ...", "as an ...", "the applicant, an ...", "occupation: ..."."""
    if number and tokens[number - 1].key in _LABELS and ":" in tokens[number].before:
        return True
    earlier = [tokens[other] for other in range(max(0, number - _REACH), number)]
    keys = [token.key for token in earlier]
    if not _BE.isdisjoint(keys):
        place = max(position for position, key in enumerate(keys) if key in _BE)
        return len(keys) - place <= 2 or not _ARTICLES.isdisjoint(keys[place + 1 :])
    return len(earlier) > 0 and tokens[number - 1].key in {"a", "an"} and tokens[number - 1].before == ", "


class DemographicRecognizer(Recognizer):
    """Nationality, ethnicity, faith, marital status and children, where a person is near."""

    TYPE = "DEMOGRAPHIC"
    _CHILDREN = re.compile(
        r"\b(?:single\s)?(?:father|mother|mom|mum|dad|parent)s?\sof\s(?:\d{1,2}|one|two|three|four|five|six|seven|twins)\b"
        r"|\b(?:\d|one|two|three|four|five|six|seven)\s(?:\w{1,12}\s)?(?:kids|kiddos|children|sons|daughters|boys|girls|siblings|brothers|sisters)\b|\bsingle\s(?:mother|father|mom|mum|dad|parent)\b"
    )
    _RELATIVES = frozenset(
        "father mother mom mum dad parent parents kids kiddos children sons daughters siblings brothers sisters boys girls".split()
    )

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield what is said of somebody; a people or status without a person near it is weak."""
        peoples, statuses = lexicon.words("peoples"), lexicon.words("statuses")
        if not (peoples.isdisjoint(document.keys) and statuses.isdisjoint(document.keys)):
            tokens = document.tokens
            for number, token in enumerate(tokens):
                if token.key in peoples or token.key in statuses:
                    yield token.start, token.end, 0.6 if _of_person(tokens, number) else 0.25
        if not self._RELATIVES.isdisjoint(document.keys):
            for match in self._CHILDREN.finditer(document.folded):
                yield match.start(), match.end(), 0.6


def _of_person(tokens: list[Token], number: int) -> bool:
    if number + 1 < len(tokens) and tokens[number + 1].key in _PEOPLE:
        return True
    if number and tokens[number - 1].key in _LABELS and ":" in tokens[number].before:
        return True
    return tokens[number].initial or any(tokens[other].key in _SELF for other in range(max(0, number - _REACH), number))


class QuantityRecognizer(Recognizer):
    """Sums of money and spans of time in figures or words."""

    TYPE = "QUANTITY"
    _NUMBER = r"\d{1,3}(?:[ ,.]\d{3}){0,5}(?:[.,]\d{1,2})?(?!\d)|\d{4,12}(?:[.,]\d{1,2})?"
    _WORDS = r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|eighteen|twenty|thirty|forty|fifty|hundred|thousand|million"
    _CODES = (
        r"eur|usd|gbp|sek|nok|dkk|chf|pln|trl|try|ats|dem|frf|itl|nzd|aud|cad|php|inr|jpy|cny|rub|uzs|kzt|uah|ngn|zar|aed|czk|huf|ron|bgn"
    )
    _COINS = r"dollars?|euros?|pounds|zlotys?|(?:turkish\s)?liras?|(?:swedish\s|danish\s|norwegian\s)?kron(?:or|er|e)|schillings?|francs?|rubles?|roubles?|rupees?|yen|yuan|naira|hryvnias?|forints?|lei|leva|so'm|sums?|bucks"
    _MONEY = (
        re.compile(rf"(?:[$€£₽₹¥₦₺₫]\s?|\b(?:{_CODES})\s)(?:{_NUMBER})(?:\s?(?:k|m|bn|thousand|million|billion)\b)?"),
        re.compile(
            rf"\b(?:{_NUMBER}|(?:{_WORDS})(?:[\s-](?:{_WORDS})){{0,3}})\s?(?:k\s|thousand\s|million\s|billion\s)?(?:[a-z]{{4,12}}\s)?(?:(?:{_COINS})\b(?:\s\([a-z]{{3}}\))?|(?:{_CODES})\b|[€£₽₹])"
        ),
        re.compile(rf"\b(?:{_NUMBER})\s?(?:%|per\s?cent\b)"),
    )
    _TIME = re.compile(rf"\b(?:\d{{1,3}}|(?:{_WORDS})(?:-(?:{_WORDS}))?)\s(?:years?|months?|weeks?|days?)\b'?(?!\s(?:old|of\sage|ago))")
    _COUNTED = frozenset(
        "one two three four five six seven eight nine ten eleven twelve fifteen eighteen twenty thirty forty fifty hundred thousand million".split()
    )

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield sums, shares and spans of time."""
        if not document.has_digit and document.keys.isdisjoint(self._COUNTED):
            return
        for pattern in (*self._MONEY, self._TIME):
            for match in pattern.finditer(document.folded):
                yield match.start(), match.end(), 0.6
