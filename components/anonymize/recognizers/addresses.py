# ruff: noqa: E501 - a pattern is read as one line or not at all
"""Street addresses in the forms of the world, post boxes, flats, postcodes."""

import re
from collections.abc import Iterator

from components.anonymize import lexicon
from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer

_STREET_KIND = (
    "street|str|st|avenue|ave|av|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|place|pl|square|sq|terrace|ter|way|close|crescent|cres|highway|hwy|parkway|pkwy|circle|cir|trail|trl|alley"
    "|row|gardens|grove|mews|walk|rise|hill|heights|quay|loop|path|pike|plaza|view|park|green|bridge|gate|crossing|ridge|run|point|villas|estate"
)
_SURE_KIND = "Street|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Crescent|Terrace|Close|Highway|Square|Parkway"
_CAP = r"(?:[A-ZÀ-Þ][a-z]{0,2}\.|[A-ZÀ-Þ](?:[\w'-]|\.(?=\w)){0,30})"
_ROMANCE_LINKS = r"(?:(?:de|du|des|la|le|les|del|della|dei|los|las|da|do|dos)\s){0,2}"
_FLAT_WORD = r"(?i:apt|apartment|unit|suite|ste|flat|fl|floor|room|rm|building|bldg|block|house|#)"
_SUB = rf"(?:,?\s{{1,2}}{_FLAT_WORD}\s?\.?\s?#?\s?\w{{1,5}}(?:-\w{{1,4}})?)"
_STREET_WORDS = rf"(?:{_CAP}\s(?:(?:de|di|da|do|dos|del|della|la|le|les|du|des|of|the|von|van|der|den)\s){{0,2}}){{0,3}}{_CAP}"
_HOUSE = r"\d{1,5}[A-Za-z]?(?:[/-]\d{1,4})?"
_MORE = (
    r"(?:,?\s(?i:apt|apartment|flat|unit|kv|d|dom|uy|no|nr|app|ap|apto|floor|fl|suite|room)\.?\s?#?\d{1,4}\w?(?:-\d{1,4})?"
    rf"|,\s\d{{1,6}}(?:[-\s]\d{{1,4}})?(?:\s{_CAP}){{0,3}}|,\s{_CAP}(?:\s{_CAP}){{0,2}}(?:\s\d{{1,6}}(?:[-\s]\d{{2,4}})?)?){{0,4}}"
)
_STATES = "A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]"
_UK_POSTCODE = r"[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}"
_BLOCK_LINE = rf"(?:{_SUB}|[,\s]{{1,3}}\s{{0,8}}(?:\d{{3,6}}(?:[ -]\d{{2,4}})?|{_CAP}(?:[ -]{_CAP}){{0,3}}|{_UK_POSTCODE})(?![\w]))"


class AddressRecognizer(Recognizer):
    """Addresses by their form, and what a cue ("I live at") makes one."""

    TYPE = "ADDRESS"
    _BY_KIND = (
        re.compile(
            rf"\b\d{{1,5}}[A-Za-z]?(?:[-/]\d{{1,4}})?,?\s(?:(?i:north|south|east|west|n|s|e|w)\.?\s)?(?:(?:{_CAP}|\d{{1,3}}(?:st|nd|rd|th)|of|the|de|la)\s){{0,4}}(?:{_CAP}|\d{{1,3}}(?:st|nd|rd|th))"
            rf"\s(?i:{_STREET_KIND})\b\.?(?:\s(?:[NSEW]{{1,2}}|North|South|East|West)\b)?{_SUB}{{0,2}}(?:,\s(?:{_CAP}\s?){{1,3}})?(?:,?\s(?:{_STATES})\b)?(?:,?\s(?:\d{{5}}(?:-\d{{4}})?|{_UK_POSTCODE})\b)?"
        ),
        re.compile(
            rf"\b\d{{1,5}}[a-z]?\s(?:[\w'.-]{{1,20}}\s){{1,3}}(?i:street|avenue|ave|road|boulevard|blvd|lane|drive|court|terrace|crescent)\b{_SUB}?"
        ),
        re.compile(rf"\b(?:{_CAP}\s){{1,3}}(?:{_SURE_KIND})\b\.?(?:\s\d{{1,5}}\w?)?{_SUB}?"),
        re.compile(rf"\b\d{{1,3}}(?:st|nd|rd|th)\s(?:{_SURE_KIND}|St)\b"),
        re.compile(
            rf"\b(?:\d{{1,4}}(?:\s?(?:bis|ter))?,?\s)?(?i:rue|avenue|boulevard|place|chemin|calle|avenida|av\.|paseo|plaza|via|viale|piazza|corso|rua|travessa|jalan|jl\.?)\s{_ROMANCE_LINKS}(?:{_CAP}\s?){{1,4}},?\s?(?:no\.?\s|n[°º]\s?)?\d{{1,5}}\b(?:,?\s\d{{4,5}})?"
        ),
        re.compile(
            rf"\b\d{{1,4}}(?:\s?(?:bis|ter))?,?\s(?:rue|avenue|boulevard|place|chemin|impasse|allée)\s{_ROMANCE_LINKS}(?:{_CAP}\s?){{1,4}}"
        ),
        re.compile(r"\b(?i:p\.?\s?o\.?\s?box|post\soffice\sbox|postfach|apartado)\s?#?\s?\d{1,7}\b"),
        re.compile(r"\b(?i:apt|apartment|unit|suite|flat|room|dorm\sroom)\.?\s?(?:(?i:no)\.?\s?|#\s?)?(?=\w{0,4}\d)\w{1,5}(?:-\w{1,3})?\b"),
        re.compile(
            r"\b(?i:zip|zip ?code|postal ?code|post ?code|postcode|postal)(?:\s(?:is|was|of|here)){0,3}\s?[:#]?\s?(?P<only>(?=\w{0,6}\d)[A-Za-z0-9]{3,7}(?:[\s-](?=\w{0,3}\d)[A-Za-z0-9]{2,4})?)\b"
        ),
    )
    _BY_FORM = (
        re.compile(
            r"\b[A-ZÄÖÜ][\wäöüß-]{0,30}?(?:stra(?:ß|ss)e|str\.|gasse|weg|platz|allee|ufer|damm|straat|laan|gatan|vägen|gade|vej|vejen|katu|tie|utca|gata)\s\d{1,4}\s?[a-zA-Z]?\b(?:,?\s\d{4,5}(?:\s[A-ZÄÖÜ]\w{0,30})?)?"
        ),
        re.compile(rf"(?<!\w)(?:{_UK_POSTCODE}|[A-Z]\d[A-Z]\s?\d[A-Z]\d|(?:{_STATES}),?\s\d{{5}}(?:-\d{{4}})?|\d{{5}}-\d{{4}})(?!\w)"),
        re.compile(
            rf"(?<![\w#])(?:{_STREET_WORDS}\.?\s\d{{1,4}}[A-Za-z]?(?:[/-]\d{{1,4}})?|\d{{1,4}}[A-Za-z]?(?:/\d{{1,4}})?,?\s{_STREET_WORDS})"
            rf"(?:,\s(?:(?i:apt|apartment|flat|unit|kv|d|dom|uy|dz|sk|stg|no|n|m|ap|apto|app|top|et|lgh|bl|sc)\.?\s?\d{{1,4}}\w?|\d{{3,6}}(?:\s\d{{2,3}})?\s{_CAP})){_MORE}"
        ),
    )
    _TOLD = re.compile(
        rf"\b(?:address(?:\s(?:is|was|to|here))?|(?:live[sd]?|living|stay(?:s|ed|ing)?|reside[sd]?|located|registered|based|delivered|home|house|flat|apartment|office|practice|meet|place|moved|moving|move|sent|send|mail(?:ed)?|ship(?:ped)?|post(?:ed)?|come|came|clinic)\s"
        rf"(?:\w{{1,20}}\s){{0,3}}?(?:at|on|to|is|in)|(?:is|are|was|were|i'm|us|me|it)\sat)\s?[:,]?\s{{0,8}}(?P<only>(?:{_HOUSE},?\s{_STREET_WORDS}|{_STREET_WORDS}\.?,?\s{_HOUSE}){_MORE})"
    )
    #: A street and a number, or a number and a street, of words that no list knows.
    _BARE = re.compile(
        rf"(?<![\w#/-])(?:(?P<street>{_STREET_WORDS})\.?\s(?P<back>\d{{1,4}}[A-Za-z]?(?:[/-]\d{{1,4}})?)|(?P<front>\d{{1,5}}(?:/\d{{1,4}})?)\s(?P<named>{_STREET_WORDS})(?:\s\d{{1,4}}[A-Za-z]?)?){_MORE}(?![\w%])"
    )
    _BLOCK = re.compile(rf"{_BLOCK_LINE}{{1,6}}")
    _BLOCK_END = re.compile(r"\d[\w -]{2,9}|[A-Z]{2}\s\d{5}")
    _MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
    _FALSE = re.compile(
        rf"(?i:\d+\s+(?:of|the|to|in|on|and|or|more|years?|days?|weeks?|months?|hours?|minutes?|people|times?|{_MONTHS})\b|\d+\w?\s+of\b"
        rf"|(?:{_MONTHS}|chapter|day|level|grade|step|week|year|page|part|covid|version|phase|age|season|episode|article|section|law|rule|protocol|section)\W)"
    )
    _YEAR = re.compile(r"\b(?:1[89]|20)\d\d\b")

    def applies(self, document: Document) -> bool:
        """An address has a figure, or the word for a kind of street."""
        return document.has_digit or not document.keys.isdisjoint(lexicon.words("street_kinds"))

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield addresses as long as they go: house, street, flat, town, state, postcode."""
        text = document.text
        first, last = -1, -1
        for start, end in sorted(self._parts(document)):
            if first >= 0 and start - last <= 2 and not text[last:start].strip(" ,\n"):
                last = max(end, last)
                continue
            if first >= 0:
                yield first, self._end(text, last), 0.8
            first, last = start, end
        if first >= 0:
            yield first, self._end(text, last), 0.8

    def _end(self, text: str, end: int) -> int:
        """Follow the lines of an address block as far as a postcode, a town or a country of the lists."""
        block = self._BLOCK.match(text, end)
        if block is None:
            return end
        furthest = end
        for line in re.finditer(r"[^,\n]+", block.group()):
            known = lexicon.fold(line.group().strip())
            if self._BLOCK_END.fullmatch(line.group().strip()) or lexicon.is_place(known) or lexicon.is_capitalised_word(known):
                furthest = end + line.end()
        return furthest

    def _parts(self, document: Document) -> Iterator[tuple[int, int]]:
        text = document.text
        if not document.keys.isdisjoint(lexicon.words("street_kinds")):
            yield from self._formed(text, self._BY_KIND)
        if document.has_digit:
            yield from self._formed(text, (*self._BY_FORM, self._TOLD))
            yield from self._unknown_streets(text)

    def _formed(self, text: str, patterns: tuple[re.Pattern[str], ...]) -> Iterator[tuple[int, int]]:
        for pattern in patterns:
            group = "only" if "only" in pattern.groupindex else 0
            for match in pattern.finditer(text):
                if not self._FALSE.match(match[group]):
                    yield match.start(group), match.start(group) + len(match[group].rstrip(" ,."))

    def _unknown_streets(self, text: str) -> Iterator[tuple[int, int]]:
        for match in self._BARE.finditer(text):
            if self._YEAR.search(match["front"] or match["back"]):
                continue
            words = [lexicon.fold(word) for word in re.findall(r"[^\W\d_][\w'-]*", match["street"] or match["named"]) if len(word) > 3]
            if words and not any(lexicon.is_ordinary(word) or lexicon.is_capitalised_word(word) for word in words):
                yield match.start(), match.start() + len(match.group().rstrip(" ,."))
