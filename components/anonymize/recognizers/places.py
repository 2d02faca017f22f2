# ruff: noqa: E501 - a pattern is read as one line or not at all
"""Where a person lives: street addresses, postcodes, towns. Countries and states stay (HIPAA Safe Harbor asks for less than a state)."""

import re
from collections.abc import Iterator

from components.anonymize import lexicon
from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer
from components.anonymize.tokens import Token

_STREET_KIND = (
    "street|str|st|avenue|ave|av|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|place|pl|square|sq|terrace|ter|way|close|crescent|cres|highway|hwy|parkway|pkwy|circle|cir|trail|trl|alley"
    "|row|gardens|grove|mews|walk|rise|hill|heights|quay|loop|path|pike|plaza|view|park|green|bridge|gate|crossing|ridge|run|point|villas|estate"
)
_CAP = r"[A-ZÀ-ÞА-ЯЁ][\w'.-]*"
_SUB = r"(?:,?\s+(?:apt|apartment|unit|suite|ste|flat|fl|floor|room|rm|building|bldg|block|house|#|кв\.?|квартира|д\.?|дом)\s*\.?\s*#?\s*\w{1,5}(?:-\w{1,4})?)"
_STREET_WORDS = rf"(?:{_CAP}\s+(?:(?:de|di|da|do|dos|del|della|la|le|les|du|des|of|the|von|van|der|den)\s+){{0,2}}){{0,3}}{_CAP}"
_MORE = rf"(?:,?\s+(?i:apt|apartment|flat|unit|kv|d|dom|uy|no|nr|app|ap|apto|floor|fl|suite|room|кв|дом|д)\.?\s?#?\d{{1,4}}\w?(?:-\d+)?|,\s+\d{{1,6}}(?:[-\s]\d{{1,4}})?(?:\s+{_CAP}){{0,3}}|,\s+{_CAP}(?:\s+{_CAP}){{0,2}}(?:\s+\d{{1,6}}(?:[-\s]\d{{2,4}})?)?){{0,4}}"
_YEAR = re.compile(r"\b(?:1[89]|20)\d\d\b")
_STATES = "A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]"
_UK_POSTCODE = r"[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}"


class AddressRecognizer(Recognizer):
    """Street addresses in English, Russian, Uzbek, German, French and Spanish forms, post boxes, postcodes."""

    TYPE = "ADDRESS"
    _PATTERNS = (
        re.compile(
            rf"\b\d{{1,5}}[A-Za-z]?(?:[-/]\d{{1,4}})?,?\s+(?:(?i:north|south|east|west|n|s|e|w)\.?\s+)?(?:(?:{_CAP}|\d{{1,3}}(?:st|nd|rd|th)|of|the|de|la)\s+){{0,4}}(?:{_CAP}|\d{{1,3}}(?:st|nd|rd|th))"
            rf"\s+(?i:{_STREET_KIND})\b\.?(?:\s+(?:[NSEW]{{1,2}}|North|South|East|West)\b)?(?i:{_SUB}){{0,2}}(?:,\s+(?:{_CAP}\s?){{1,3}})?(?:,?\s+(?:{_STATES})\b)?(?:,?\s+(?:\d{{5}}(?:-\d{{4}})?|{_UK_POSTCODE})\b)?"
        ),
        re.compile(rf"\b\d{{1,5}}[a-z]?\s+(?:[\w'.-]+\s+){{1,3}}(?:street|avenue|ave|road|boulevard|blvd|lane|drive|court|terrace|crescent)\b(?i:{_SUB})?", re.IGNORECASE),
        re.compile(rf"\b(?:{_CAP}\s+){{1,3}}(?:Street|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Crescent|Terrace|Close|Highway|Square|Parkway)\b\.?(?:\s+\d{{1,5}}\w?)?(?i:{_SUB})?"),
        re.compile(r"\b[A-ZÄÖÜ][\wäöüß-]*(?:stra(?:ß|ss)e|str\.|gasse|weg|platz|allee|ufer|damm|straat|laan|gatan|vägen|gade|vej|katu|tie|utca)\s+\d{1,4}\s?[a-zA-Z]?\b(?:,?\s+\d{4,5}(?:\s+[A-ZÄÖÜ]\w+)?)?"),
        re.compile(rf"\b(?:\d{{1,4}}(?:\s?(?:bis|ter))?,?\s+)?(?i:rue|avenue|boulevard|place|chemin|calle|avenida|av\.|paseo|plaza|via|viale|piazza|corso|rua|travessa|jalan|jl\.?)\s+(?:(?:de|du|des|la|le|les|del|della|dei|los|las|da|do|dos)\s+){{0,2}}(?:{_CAP}\s*){{1,4}},?\s*(?:no\.?\s*|n[°º]\s*)?\d{{1,5}}\b(?:,?\s+\d{{4,5}})?"),
        re.compile(rf"\b\d{{1,4}}(?:\s?(?:bis|ter))?,?\s+(?:rue|avenue|boulevard|place|chemin|impasse|allée)\s+(?:(?:de|du|des|la|le|les)\s+){{0,2}}(?:{_CAP}\s?){{1,4}}"),
        re.compile(r"(?:\b(?:ул|улица|улице|пр-т|проспект|проспекте|пер|переулок|бульвар|шоссе|набережная|площадь|мкр|микрорайон|кўчаси|маҳалла\w*)\b\.?\s*(?:[А-ЯЁ0-9][\w-]*\s?){1,3}(?:,?\s*(?:д|дом|кв|квартира|корп|корпус|стр|уй|хонадон)?\.?\s*\d{1,4}\w?){0,3})"),
        re.compile(r"\b(?:[A-Z][\w'-]*\s+){1,3}(?:ko'chasi|kochasi|mahallasi|mfy|dahasi|mavzesi|tor\s+ko'chasi)(?:,?\s*\d{1,4}(?:-?(?:uy|xonadon|kvartira))?){0,3}", re.IGNORECASE),
        re.compile(r"\b(?:p\.?\s?o\.?\s?box|post\s+office\s+box|postfach|apartado|а/я)\s*#?\s*\d{1,7}\b", re.IGNORECASE),
        re.compile(r"\b(?:apt|apartment|unit|suite|flat|room|dorm\s+room)\.?\s*(?:no\.?\s*|#\s*)?(?=\w*\d)\w{1,5}(?:-\w{1,3})?\b", re.IGNORECASE),
        re.compile(rf"(?<!\w)(?:{_UK_POSTCODE}|[A-Z]\d[A-Z]\s?\d[A-Z]\d|(?:{_STATES}),?\s+\d{{5}}(?:-\d{{4}})?|\d{{5}}-\d{{4}})(?!\w)"),
        re.compile(r"\b(?:zip|zip ?code|postal ?code|post ?code|postcode|индекс|pochta indeksi)(?:\s+(?:is|was|of|here))*\s*[:#]?\s*(?P<only>(?=\w*\d)[A-Z0-9]{3,7}(?:[\s-][A-Z0-9]{3,4})?)\b", re.IGNORECASE),
    )  # fmt: skip
    #: World forms (street then number, number then street) that only a cue makes an address.
    _TOLD = re.compile(
        rf"\b(?:address(?:\s+(?:is|was|to|here))?|(?:live[sd]?|living|stay(?:s|ed|ing)?|reside[sd]?|located|registered|based|delivered|home|house|flat|apartment|office|practice|meet|place|moved|moving|move|sent|send|mail(?:ed)?|ship(?:ped)?|post(?:ed)?|come|came|clinic|lived)\s+"
        rf"(?:\w+\s+){{0,3}}?(?:at|on|to|is|in)|(?:is|are|was|were|i'm|us|me|it)\s+at)\s*[:,]?\s*(?P<only>(?:\d{{1,5}}[A-Za-z]?(?:[/-]\d{{1,4}})?,?\s+{_STREET_WORDS}|{_STREET_WORDS}\.?,?\s+\d{{1,5}}[A-Za-z]?(?:[/-]\d{{1,4}})?){_MORE})"
    )
    #: Street and number, then a flat or a postcode with a town: an address by its form alone.
    _FORMED = re.compile(
        rf"(?<![\w#])(?:{_STREET_WORDS}\.?\s+\d{{1,4}}[A-Za-z]?(?:[/-]\d{{1,4}})?|\d{{1,4}}[A-Za-z]?(?:/\d{{1,4}})?,?\s+{_STREET_WORDS})"
        rf"(?:,\s+(?:(?i:apt|apartment|flat|unit|kv|d|dom|uy|dz|sk|stg|no|n|m|ap|apto|app|top|et|lgh|bl|sc)\.?\s?\d{{1,4}}\w?|\d{{3,6}}(?:\s\d{{2,3}})?\s{_CAP})){_MORE}"
    )
    #: A street and a number, or a number and a street, of words that no list knows.
    _BARE = re.compile(
        rf"(?<![\w#/-])(?:(?P<street>{_STREET_WORDS})\.?\s(?P<back>\d{{1,4}}[A-Za-z]?(?:[/-]\d{{1,4}})?)|(?P<front>\d{{1,4}}(?:/\d{{1,4}})?)\s(?P<named>{_STREET_WORDS})){_MORE}(?![\w%])"
    )
    _FALSE = re.compile(
        r"\d+\s+(?:of|the|to|in|on|and|or|more|years?|days?|weeks?|months?|hours?|minutes?|people|times?|january|february|march|april|may|june|july|august|september|october|november|december)\b|\d+\w?\s+of\b",
        re.IGNORECASE,
    )
    _NO_STREET = re.compile(
        r"(?:january|february|march|april|may|june|july|august|september|october|november|december|chapter|day|level|grade|step|week|year|page|part|covid|version|phase|age|season|episode)\W",
        re.IGNORECASE,
    )

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield addresses as long as they go: house, street, flat, town, state, postcode."""
        text = document.text
        end_of_last, start_of_last = -1, -1
        for start, end in sorted(self._parts(text)):
            if start_of_last >= 0 and start - end_of_last <= 2 and not text[max(0, end_of_last) : start].strip(" ,"):
                end_of_last = max(end, end_of_last)
                continue
            if start_of_last >= 0:
                yield start_of_last, end_of_last, 0.8
            start_of_last, end_of_last = start, end
        if start_of_last >= 0:
            yield start_of_last, end_of_last, 0.8

    def _parts(self, text: str) -> Iterator[tuple[int, int]]:
        for match in self._BARE.finditer(text):
            if _YEAR.search(match["front"] or match["back"]):
                continue
            words = [lexicon.fold(word) for word in re.findall(r"[^\W\d_][\w'-]*", match["street"] or match["named"])]
            streets = any(len(word) > 3 for word in words)
            if streets and not any(lexicon.is_ordinary(word) or lexicon.is_capitalised_word(word) for word in words if len(word) > 3):
                yield match.start(), match.start() + len(match.group().rstrip(" ,."))
        for pattern in (*self._PATTERNS, self._TOLD, self._FORMED):
            group = "only" if "only" in pattern.groupindex else 0
            for match in pattern.finditer(text):
                if not self._FALSE.match(match.group(group)) and not self._NO_STREET.match(match.group(group)):
                    yield match.start(group), match.start(group) + len(match.group(group).rstrip(" ,."))


class TownRecognizer(Recognizer):
    """Towns and regions: by list, and by what is said before an unknown capitalised word."""

    TYPE = "LOCATION"
    _CUE = re.compile(
        r"\b(?:(?:live|lives|lived|living|grew\s+up|born|raised|stay|stayed|staying|based|reside[sd]?|study|studying|studied|working|settled|stuck|hospital|school|flat|apartment|house|family|home)\s+(?:\w+\s+){0,2}?(?:in|near|at|outside|around)"
        r"|(?:move|moved|moving|relocat\w+|flew|fly|flying|travel\w*|drive|drove|driving|deported|returned|return|back|come|came|coming|go|going|went|trip)\s+(?:\w+\s+)?(?:to|from|through|via)"
        r"|location(?:\s+for\s+\w+)?\s*:|from|in|near|outside|visit(?:ed|ing)?|hometown\s+(?:is|of)|city\s+of|town\s+of|village\s+of|district\s+of|county\s+of|suburb\s+of|province\s+of|outskirts\s+of)\s+(?:the\s+|a\s+|little\s+|town\s+called\s+|village\s+called\s+)*(?=[A-ZÀ-ÞА-ЯЁ])"
    )
    _COUNTRY = re.compile(r",\s+(?P<country>[A-Z][a-z]+(?:\s[A-Z][a-z]+)?|[A-Z]{2,3})\b")
    _KIND = re.compile(
        rf"(?:\b(?:{_CAP}\s+){{1,3}}(?:County|Township|Village|Borough|District|Province|Prefecture|Oblast|Region|Parish|Heights|Valley|Bay|Harbou?r|Beach|Falls|Springs|Island|Islands|City|Lake|River|Mountains?|Park|tumani|viloyati|shahri|район|область))\b"
        rf"|\b(?:Lake|Mount|Mt\.?|Fort|Port|Cape|Saint|St\.?|San|Santa|Los|Las|El|New|North|South|East|West|Upper|Lower|Great|Little)\s+(?:{_CAP})(?:\s+(?:County|City|Beach|Park|Island))?"
    )

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield towns of the list, then unknown names after a cue of place; with the state or country that follows a town."""
        text = document.text
        for start, end, score in self._towns(document):
            end = start + len(text[start:end].rstrip(" ."))
            tail = self._COUNTRY.match(text, end)
            known = tail is not None and all(lexicon.is_capitalised_word(word) for word in lexicon.fold(tail["country"]).split())
            yield start, tail.end() if tail is not None and known else end, score

    def _towns(self, document: Document) -> Iterator[Finding]:
        text, tokens = document.text, document.tokens
        yield from _listed_places(text, tokens)
        index = {token.start: number for number, token in enumerate(tokens)}
        for match in self._CUE.finditer(text):
            number = index.get(match.end())
            if (
                number is not None
                and _place_like(tokens[number])
                and not (tokens[number].given and not tokens[number].ordinary and match.group().lower().startswith("from"))
            ):
                last = number
                while (
                    last + 1 < len(tokens) and tokens[last + 1].before in {" ", "-"} and last - number < 3 and _place_like(tokens[last + 1])
                ):
                    last += 1
                yield tokens[number].start, tokens[last].end, 0.6
        for match in self._KIND.finditer(text):
            words = match.group().split()
            inner = [
                word
                for word in words
                if not lexicon.is_ordinary(lexicon.fold(word)) and not lexicon.is_capitalised_word(lexicon.fold(word))
            ]
            if len(words) > 1 and inner:
                yield match.start(), match.end(), 0.6


def _listed_places(text: str, tokens: list[Token]) -> Iterator[Finding]:
    number = 0
    while number < len(tokens):
        length = _place_length(text, tokens, number)
        if length and _meant(tokens, number, length):
            yield tokens[number].start, tokens[number + length - 1].end, 0.75
        number += max(1, length)


def _place_length(text: str, tokens: list[Token], number: int) -> int:
    """Number of words from ``number`` that are a listed place, the longest match."""
    for length in lexicon.place_lengths().get(tokens[number].key, ()):
        last = number + length - 1
        if last >= len(tokens):
            continue
        if any(token.before not in {" ", "-", ". "} for token in tokens[number + 1 : last + 1]):
            continue
        if lexicon.is_place(lexicon.fold(text[tokens[number].start : tokens[last].end])):
            return length
    return 0


def _meant(tokens: list[Token], number: int, length: int) -> bool:
    """Say whether a listed place is meant: a name or an ordinary word needs a capital and a preposition of place."""
    token = tokens[number]
    if length > 1:
        return True
    if not (token.capitalised or token.shouted):
        return not (token.ordinary or token.given or token.family) and len(token.key) > 3
    if token.ordinary or token.given or token.family:
        return number > 0 and tokens[number - 1].key in {
            "in",
            "from",
            "to",
            "near",
            "at",
            "around",
            "visit",
            "visiting",
            "leave",
            "left",
            "of",
            "outside",
            "в",
            "из",
        }
    return True


def _place_like(token: Token) -> bool:
    return token.capitalised and len(token.word) > 2 and not token.ordinary
