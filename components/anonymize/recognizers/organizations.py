"""Where a person works, studies or is treated: by kind ("X Hospital"), by cue ("I work at X")."""

import re
from collections.abc import Iterator

from components.anonymize import lexicon
from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer

_KINDS = (
    "University|College|School|Academy|Institute|Polytechnic|Lyceum|Gymnasium|Kindergarten|Nursery|Hospital|Clinic|Infirmary|Hospice|Pharmacy|Bank|Church|Cathedral|Mosque|Synagogue|Temple|Parish"
    "|Inc|Incorporated|LLC|Ltd|Limited|PLC|GmbH|AG|SA|Corp|Corporation|Company|Co|Group|Holdings?|Partners|Associates|Consulting|Logistics|Foods|Motors|Airlines|Airways|Railways?|Pharma"
    "|Pharmaceuticals|Industries|Enterprises|Solutions|Systems|Technologies|Technology|Software|Labs?|Laboratory|Laboratories|Studios?|Media|Press|Publishing|Insurance|Finance|Financial|Capital"
    "|Construction|Architects|Engineering|Electric|Energy|Telecom|Textiles?|Bakery|Cafe|Café|Restaurant|Diner|Grill|Pizzeria|Hotel|Inn|Supermarket|Market|Stores?|Library|Museum|Theatre|Theater"
    "|Foundation|Trust|Society|Association|Union|Federation|Agency|Authority|Ministry|Department|Bureau|Commission|Committee|Council|Court|Police|Prison|Embassy|Consulate|Centre|Center|Institute"
    "|Care|Health|Healthcare|Medical|Dental|Services|Community|Charity|Club|FC|United"
)
_WORD = r"[A-ZÀ-ÞА-ЯЁ][\w'&’-]*"
_LINK = r"(?:of|for|and|the|&|de|du|la|del|on|des)"
_SEQUENCE = rf"{_WORD}(?:\s(?:{_LINK}\s){{0,2}}{_WORD}){{0,5}}"
_HEADS = frozenset(
    [
        "i",
        "i'm",
        "the",
        "my",
        "his",
        "her",
        "their",
        "our",
        "your",
        "this",
        "that",
        "it",
        "a",
        "an",
        "and",
        "but",
        "so",
        "if",
        "when",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "home",
        "god",
        "covid",
        "zoom",
        "he",
        "she",
        "we",
        "they",
        "you",
    ]
)


class OrganizationRecognizer(Recognizer):
    """Employers, schools, hospitals and other bodies that point at a person."""

    TYPE = "ORGANIZATION"
    _KIND_LAST = re.compile(rf"\b(?:{_WORD}\s(?:{_LINK}\s)?){{1,5}}(?:{_KINDS})\b\.?(?:\s(?:of|for|in|at)\s(?:the\s)?{_SEQUENCE})?")
    _KIND_FIRST = re.compile(
        rf"\b(?:{_WORD}\s){{0,3}}(?:University|College|School|Institute|Academy|Bank|Church|Hospital|Ministry|Department|Court|Office|Board|Chamber|House|Faculty|Union|Federation|Committee|Council)\s(?:of|for)\s(?:the\s)?{_SEQUENCE}"
    )
    _SAINT = re.compile(
        rf"\bSt\.?\s{_WORD}(?:'s)?(?:\s(?:{_KINDS}))?|\b(?:School|Clinic|Hospital|Lyceum|Polyclinic|Kindergarten)\s(?:No\.?|Number|#|№)\s?\d{{1,4}}|\b(?:школ[аеуы]|лице[йея]|больниц[аеуы]|поликлиник[аеуи])\s(?:№|номер)\s?\d{{1,4}}|\b\d{{1,4}}-(?:maktab|sonli\s\w+|школ\w)"
    )
    _CUE = re.compile(
        r"\b(?:(?:work(?:s|ed|ing)?|employed|job|position|intern(?:ship|ing|ed)?|role|career|hired|fired|laid\s+off|shift|colleagues?|manager|engineer|nurse|teacher|accountant|cashier|waitress|waiter|driver|analyst|developer|clerk"
        r"|assistant|consultant|boss|office|interview(?:ed)?|contract|started|volunteer(?:s|ed|ing)?)\s+(?:\w+\s+){0,2}?(?:at|for|with|by|from)"
        r"|(?:stud(?:y|ies|ied|ying|ent)|enrolled|teach(?:es|ing)?|taught|graduated?|professor|lecturer|degree|freshman|sophomore|junior|senior|major(?:ing)?|phd|masters?|class(?:es)?|semester|scholarship|attend(?:s|ed|ing)?|pupil)\s+(?:\w+\s+){0,3}?(?:at|from|in)"
        r"|(?:place|firm|company|startup|shop|school|clinic|charity|band|team)\s+(?:is\s+)?called|\bat|attend(?:s|ed|ing)?|employer(?:\s+is|,|:)?|company\s+(?:is\s+)?called|admitted\s+to|treated\s+at|patient\s+at|therapist\s+at|doctor\s+at)\s+(?:the\s+|a\s+)?(?P<name>"
        + _SEQUENCE
        + r"(?:\s\d{1,4}\b)?)"
    )

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield bodies; a kind alone ("the Hospital", "Health Care") is none."""
        text = document.text
        for start, end, score in self._bodies(text):
            yield start, start + len(text[start:end].rstrip(" .")), score

    def _bodies(self, text: str) -> Iterator[Finding]:
        for pattern in (self._KIND_LAST, self._KIND_FIRST):
            for match in pattern.finditer(text):
                start = match.start() + _skip_heads(match.group())
                if self._telling(text[start : match.end()]):
                    yield start, match.end(), 0.7
        for match in self._SAINT.finditer(text):
            yield match.start(), match.end(), 0.65
        for match in self._CUE.finditer(text):
            name = match.group("name")
            first = lexicon.fold(name.split()[0])
            if first not in _HEADS and not (lexicon.is_capitalised_word(first) and len(name.split()) == 1 and not _brand(first)):
                yield match.start("name"), match.end("name"), 0.7

    @staticmethod
    def _telling(name: str) -> bool:
        """A body has a word of its own: a name, a place, an unknown word or two capitals before its kind."""
        words = [lexicon.fold(word) for word in name.split() if word[0].isupper()]
        return len(words) >= 2


def _skip_heads(name: str) -> int:
    """Length of leading words that do not belong to the name of a body ("The", "My", "I")."""
    skipped = 0
    for word in name.split():
        if lexicon.fold(word) not in _HEADS:
            break
        skipped += len(word) + 1
    return min(skipped, len(name) - 1)


def _brand(word: str) -> bool:
    """Products and platforms are kept in talk ("on Facebook") but are employers after a cue of work."""
    return not (lexicon.is_family_name(word) or lexicon.is_given_name(word)) and word not in _COUNTRIES_AND_PEOPLES


_COUNTRIES_AND_PEOPLES = frozenset(
    [
        "america",
        "usa",
        "us",
        "uk",
        "england",
        "britain",
        "scotland",
        "wales",
        "ireland",
        "france",
        "germany",
        "italy",
        "spain",
        "canada",
        "mexico",
        "china",
        "japan",
        "korea",
        "india",
        "australia",
        "russia",
        "ukraine",
        "uzbekistan",
        "kazakhstan",
        "turkey",
        "europe",
        "asia",
        "africa",
        "english",
        "french",
        "spanish",
        "german",
        "math",
        "maths",
        "history",
        "biology",
        "chemistry",
        "physics",
        "psychology",
        "science",
        "law",
        "medicine",
        "ok",
        "tv",
    ]
)
