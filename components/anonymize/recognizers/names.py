# ruff: noqa: E501 - a pattern is read as one line or not at all
"""Names of people: word lists of many cultures, cue phrases, and capitals where a capital means something."""

import re
from collections.abc import Iterator

from components.anonymize import lexicon
from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer
from components.anonymize.tokens import Token

_KIN = (
    "husband|wife|spouse|partner|fianc[eé]e?|boyfriend|girlfriend|bf|gf|ex|mother|father|mom|mum|mam|dad|mommy|mummy|daddy|stepmom|stepmum|stepdad|stepmother|stepfather"
    "|brother|sister|stepbrother|stepsister|bro|sis|son|daughter|stepson|stepdaughter|baby|kid|child|twin|uncle|aunt|auntie|cousin|nephew|niece|grandma|grandpa"
    "|grandmother|grandfather|granddaughter|grandson|nan|in-law|friend|bestie|mate|buddy|pal|roommate|flatmate|housemate|neighbou?r|colleague|coworker|co-worker|boss"
    "|manager|supervisor|teacher|tutor|professor|coach|therapist|counsell?or|psychologist|psychiatrist|doctor|gp|nurse|midwife|case ?worker|social worker|mentor|pastor"
    "|priest|landlord|landlady|classmate|teammate|crush|dog|cat|puppy|kitten|pet|horse"
)
#: Phrases after which a name follows, whatever its case.
_INTRODUCTION = re.compile(
    r"\b(?:(?:my|his|her|their|our|whose|the)\s+(?:\w+\s+)?(?:full\s|first\s|last\s|real\s|maiden\s|middle\s|family\s|birth\s)?(?:name|surname|nickname)(?:'s|\s+is|\s+was|s\s+are)?"
    r"|(?:name|surname)\s*(?::|'s|\s+is)|call(?:s|ed)?\s+me|(?:is|was|are|were|guy|girl|man|woman|boy|someone|somebody|person|kid|he's|she's)\s+(?:called|named)|named"
    r"|(?<![\w-])(?:name|seller|buyer|author|user|patient|client|participant|student|contact|posted\s+by|written\s+by|signed)\s*:|(?:goes|go|went)\s+by|known\s+as|signed(?:\s+by)?|i'm\s+called|меня\s+зовут|моё\s+имя|мое\s+имя|(?:его|её|ее|мужа|жену|сына|дочь|маму|брата|сестру|подругу)\s+зовут"
    r"|mening\s+ismim|ismim|исмим)\s*[,:]?\s*[\"']?(?=[^\W\d_])",
    re.IGNORECASE,
)
#: Phrases after which a capitalised word is a name rather than not.
_PRESENTATION = re.compile(
    rf"\b(?:i'm|i\s+am|im|this\s+is|it's|its|(?:my|his|her|our|their|your)\s+(?:[\w-]+\s+){{0,2}}(?:{_KIN})(?:\s+(?:is|was)|'s\s+name(?:\s+is)?)?"
    r"|(?:hi|hello|hey|dear|thanks|thank\s+you|thx|welcome|goodbye|bye|sorry|good\s+(?:morning|evening|afternoon|night)|regards|sincerely|love|yours|cheers|best|xoxo)"
    r"|(?:signed|from|to|cc|by)\s*:)\s*[,:(]?\s*[-—]?\s*[\"']?(?=[^\W\d_])",
    re.IGNORECASE,
)
_TITLE = re.compile(
    r"\b(?:mr|mrs|ms|miss|mx|dr|prof|professor|doctor|sir|madam|madame|mme|mlle|monsieur|herr|frau|se[nñ]or|se[nñ]ora|se[nñ]orita|signor|signora|don|do[nñ]a|father|pastor|reverend|rev"
    r"|rabbi|imam|sheikh|brother|sister|sis|bro|nurse|officer|sergeant|captain|lieutenant|detective|judge|justice|coach|aunt|auntie|aunty|uncle|tante|tio|tia|grandma|grandpa|granny"
    r"|nana|principal|president|senator|мистер|господин|госпожа|доктор|тётя|тетя|дядя|бабушка|дедушка)\b\.?\s+(?=[^\W\d_])",
    re.IGNORECASE,
)
_FORMAL_TITLE = re.compile(r"\b(?:mr|mrs|ms|miss|mx|dr|prof|professor)\.?\s$", re.IGNORECASE)
_QUESTION = re.compile(
    r"(?:(?:what(?:'s|\s+is)|may\s+i\s+(?:have|ask|know)|can\s+i\s+(?:have|get|ask)|tell\s+me)\s+(?:your|his|her|their)\s+(?:\w+\s+)?name|who\s+am\s+i\s+(?:talking|speaking)"
    r"|what\s+(?:should|can|may|shall)\s+i\s+call\s+you|как\s+(?:вас|тебя)\s+зовут)[^\n␞?]*(?:\?\s+(?:␞\s+)?|\n␞\n)(?:(?:it's|i'm|i\s+am|its|sure|yes|hi|hello|oh|well|um)[,.!]?\s+)*(?=[^\W\d_])",
    re.IGNORECASE,
)
_PERSONAL_VERB = re.compile(
    r"\s+(?:said|says|told|tells|texted|called|calls|asked|asks|thinks|thought|wants|wanted|left|cheated|died|passed|hates|loves|loved|knows|knew|lied|yelled|screamed|replied"
    r"|and\s+(?:i|me|my)\b|is\s+my\b|was\s+my\b|broke\s+up|moved|works|lives)",
    re.IGNORECASE,
)
_PARTICLES = frozenset(
    [
        "de",
        "del",
        "della",
        "di",
        "da",
        "dos",
        "das",
        "do",
        "van",
        "von",
        "der",
        "den",
        "ter",
        "ten",
        "bin",
        "ibn",
        "bint",
        "al",
        "el",
        "la",
        "le",
        "du",
        "ben",
        "abu",
        "o",
        "mac",
        "mc",
        "st",
        "san",
        "santa",
        "y",
        "e",
        "zu",
    ]
)
_SHORT_LOWER = frozenset(
    [
        "amy",
        "ana",
        "ann",
        "ben",
        "dan",
        "eva",
        "ian",
        "jen",
        "jim",
        "joe",
        "jon",
        "kim",
        "leo",
        "liz",
        "meg",
        "mia",
        "pam",
        "roy",
        "sam",
        "tim",
        "tom",
        "zoe",
        "bob",
        "ali",
    ]
)
_PLACE_PREPOSITIONS = frozenset({"in", "near", "at", "outside"})
_MOVES = frozenset(
    {
        "move",
        "moved",
        "moving",
        "relocated",
        "go",
        "going",
        "went",
        "gone",
        "come",
        "came",
        "back",
        "travel",
        "travelled",
        "traveled",
        "fly",
        "flew",
        "drive",
        "drove",
        "return",
        "returned",
        "returning",
    }
)
_NEVER = frozenset(
    [
        "a",
        "an",
        "the",
        "i",
        "i'm",
        "i've",
        "i'd",
        "i'll",
        "im",
        "ive",
        "and",
        "or",
        "but",
        "so",
        "not",
        "no",
        "yes",
        "ok",
        "okay",
        "me",
        "my",
        "you",
        "your",
        "he",
        "she",
        "it",
        "we",
        "they",
        "who",
        "what",
        "when",
        "where",
        "why",
        "how",
        "is",
        "are",
        "was",
        "were",
        "am",
        "be",
        "been",
        "do",
        "does",
        "did",
        "have",
        "has",
        "had",
        "will",
        "can",
        "may",
        "might",
        "must",
        "shall",
        "should",
        "would",
        "could",
        "if",
        "because",
        "as",
        "of",
        "to",
        "in",
        "on",
        "at",
        "by",
        "for",
        "from",
        "with",
        "this",
        "that",
        "these",
        "those",
        "there",
        "here",
        "just",
        "very",
        "really",
        "too",
        "also",
        "then",
        "than",
        "all",
        "any",
        "some",
    ]
)


class NameRecognizer(Recognizer):
    """Full names, given names, family names, also in lower case where the word is nothing else."""

    TYPE = "PERSON"

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield names with a score by the strength of the evidence: 0.9 cue, 0.8 list, 0.6 capital alone."""
        text = document.text
        tokens = document.tokens
        index = {token.start: number for number, token in enumerate(tokens)}
        found: dict[int, tuple[int, float]] = {}
        for first, last, score in [*_cued(text, tokens, index), *_listed(text, tokens)]:
            first, last = _extend(tokens, first, last)
            if first == last and len(tokens[first].word) == 1:
                continue
            if first not in found or found[first] < (last, score):
                found[first] = (last, score)
        for first, (last, score) in sorted(found.items()):
            title = _FORMAL_TITLE.search(text[: tokens[first].start])
            yield title.start() if title else tokens[first].start, tokens[last].end, score


def _cued(text: str, tokens: list[Token], index: dict[int, int]) -> Iterator[tuple[int, int, float]]:
    """Names that follow a phrase which announces one."""
    for pattern, accepts in ((_INTRODUCTION, _announced), (_QUESTION, _answered), (_PRESENTATION, _presented), (_TITLE, _titled)):
        for match in pattern.finditer(text):
            number = index.get(match.end())
            if number is not None and accepts(tokens[number]):
                whole = pattern is _INTRODUCTION and _small_surname(tokens, number + 1)
                yield number, number + int(whole), 0.9


def _small_surname(tokens: list[Token], number: int) -> bool:
    """The word after an announced name in small letters is no ordinary word: it belongs to the name."""
    if number >= len(tokens) or not (tokens[number].word.islower() and tokens[number - 1].word.islower() and _adjacent(tokens, number - 1)):
        return False
    return len(tokens[number].word) > 2 and tokens[number].key not in _NEVER and not tokens[number].ordinary


def _announced(token: Token) -> bool:
    if len(token.word) == 1 and token.word.isupper() and token.word != "I":
        return True  # an initial: the name follows
    if token.key in _NEVER or len(token.word) < 2:
        return False
    if token.capitalised or token.shouted:
        return token.given or token.family or not token.ordinary or not token.word.isascii()
    return token.given or not token.ordinary


def _answered(token: Token) -> bool:
    return _announced(token) and (token.given or token.family or not token.ordinary)


def _titled(token: Token) -> bool:
    if len(token.word) == 1:
        return token.word.isupper()  # an initial: the name follows
    return _presented(token) or (token.shouted and token.key not in _NEVER and (token.given or token.family))


def _presented(token: Token) -> bool:
    if not token.capitalised or token.key in _NEVER or len(token.word) < 2:
        return False
    return token.given or token.family or not token.ordinary


def _listed(text: str, tokens: list[Token]) -> Iterator[tuple[int, int, float]]:
    """Names known from the lists or, in the middle of a sentence, by their capital alone."""
    lower = {token.key for token in tokens if token.word.islower()}
    for number, token in enumerate(tokens):
        if len(token.word) < 2 or token.key in _NEVER:
            continue
        if token.word.islower():
            if token.given and not token.ordinary and (len(token.key) >= 4 or token.key in _SHORT_LOWER):
                yield number, number, 0.8
        elif token.given or token.family:
            if not token.ordinary or _evident(text, tokens, number):
                yield number, number, 0.8
        elif token.key not in lower and (_unknown_capital(tokens, number) or _unknown_pair(tokens, number)):
            yield number, number, 0.6


def _evident(text: str, tokens: list[Token], number: int) -> bool:
    """Say whether a name that is also a word is meant as a name here."""
    token = tokens[number]
    if not token.capitalised:
        return False
    neighbours = [tokens[other] for other in (number - 1, number + 1) if 0 <= other < len(tokens) and _adjacent(tokens, min(number, other))]
    if any(other.capitalised and (other.given or other.family) and not other.ordinary for other in neighbours):
        return True
    if token.given and _PERSONAL_VERB.match(text, token.end):
        return True
    if lexicon.is_capitalised_word(token.key):
        return token.possessive and token.given and not token.initial
    return token.given and not token.initial and _lower_before(tokens, number)


def _unknown_capital(tokens: list[Token], number: int) -> bool:
    token = tokens[number]
    if token.initial or not token.unknown or not _lower_before(tokens, number):
        return False
    if number > 1 and tokens[number - 1].key in {"to", "from", "through"} and tokens[number - 2].key in _MOVES:
        return False
    return any(character in "aeiouyаеёиоуыэюя" for character in token.key) and tokens[number - 1].key not in _PLACE_PREPOSITIONS


def _unknown_pair(tokens: list[Token], number: int) -> bool:
    """Two unknown capitalised words side by side, wherever they stand: a name that no list holds."""
    if number + 1 >= len(tokens) or not _adjacent(tokens, number) or tokens[number].possessive:
        return False
    return tokens[number].unknown and tokens[number + 1].unknown


def _lower_before(tokens: list[Token], number: int) -> bool:
    """The previous word is written small (or is "I"), so this is no heading and no title case."""
    return number > 0 and (tokens[number - 1].word.islower() or tokens[number - 1].key in {"i", "i'm", "i've", "i'd", "i'll"})


def _extend(tokens: list[Token], first: int, last: int) -> tuple[int, int]:
    """Grow a name over the neighbouring parts: further names, initials, particles before a capital."""
    while last + 1 < len(tokens) and last - first < 5 and not tokens[last].possessive:
        step = _part_length(tokens, last + 1)
        if not step:
            break
        last += step
    while first > 0 and _adjacent(tokens, first - 1) and not tokens[first - 1].possessive:
        token = tokens[first - 1]
        known = token.given or token.family
        initial = len(token.word) == 1 and token.word.isupper() and token.word != "I"
        small = token.word.islower() and tokens[first].word.islower() and known and not token.ordinary
        if token.key in _NEVER or not (initial or small or (token.capitalised and (known or token.unknown))):
            break
        if token.initial and token.ordinary and not token.given:
            break
        first -= 1
    return first, last


def _part_length(tokens: list[Token], number: int) -> int:
    """Number of words from ``number`` that continue a name: 0, 1, or more with particles."""
    token = tokens[number]
    if not _adjacent(tokens, number - 1) or token.key in _NEVER - _PARTICLES:
        return 0
    if len(token.word) == 1:
        return int(token.word.isupper() and token.word != "I" and number + 1 < len(tokens) and _adjacent(tokens, number))
    if token.key in _PARTICLES and number + 1 < len(tokens) and _adjacent(tokens, number):
        following = tokens[number + 1]
        step = 2 if following.capitalised and (following.given or following.family or not following.ordinary) else 0
        if step or not token.capitalised:
            return step
    if token.capitalised and (token.given or token.family or not token.ordinary):
        return 1
    if token.shouted and tokens[number - 1].shouted and (token.given or token.family):
        return 1
    return int(token.word.islower() and tokens[number - 1].word.islower() and token.family and not token.ordinary and len(token.key) > 3)


def _adjacent(tokens: list[Token], number: int) -> bool:
    """Nothing but a space (or the dot of an initial, or a hyphen) stands between a word and the next."""
    between = tokens[number + 1].before
    if between in {" ", "-", "  "}:
        return True
    return between in {". ", "."} and len(tokens[number].word) <= 2 and tokens[number].word[0].isupper()
