# ruff: noqa: E501 - a pattern is read as one line or not at all
"""Street addresses in Russian talk, with or without capitals."""

import re
from collections.abc import Iterator

from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer
from components.anonymize.recognizers.ru_words import look_up

_STREET = (
    r"(?:ул\.?|улиц(?:а|е|у|ы|ей)|пр-т\.?|пр-кт|просп\.?|проспект(?:а|е|у)?|пр-д|проезд(?:а|е|у)?|пер\.?|переул(?:ок|ке|ка|ку)|б-р|бул\.?|бульвар(?:а|е|у)?|ш\.|шоссе|наб\.?|набережн(?:ая|ой|ую)|пл\.?|площад(?:ь|и)|мкр\.?|микрорайон(?:а|е)?|м-н"
    r"|квартал(?:а|е)?|кв-л|массив(?:а|е)?|тупик(?:а|е)?|туп\.?|аллея|аллее|линия|махалл(?:я|е|и)|жилмассив|ж/м)(?![а-яёА-ЯЁ])"
)
_NAME = r"(?:(?:\d{1,3}-?(?:я|й|го|ая|ый)?\s)?(?!(?:дом|д|кв|где|и|в|на|с|со|что|там|около|рядом|возле|недалеко|а|но|квартира)\b)[А-ЯЁа-яё][\w.'-]*(?:\s(?!(?:дом|д|кв|где|и|в|на|что|там|квартира|корпус|возле|рядом)\b)[А-ЯЁ][\w.'-]*){0,2}|\d{1,3}(?:-?[а-я]{1,2})?)"
_HOUSE = r"(?:д\.?|дом(?:е|а)?|№|no\.?)"
_PART = r"(?:к\.?|корп\.?|корпус(?:е)?|стр\.?|строение|лит(?:ера)?\.?|кв\.?|квартир(?:а|е|у|ы)|подъезд(?:е)?|под\.|эт\.?|этаж(?:е)?|оф\.?|офис(?:е)?|комн(?:ата)?\.?)"
_NUMBER = r"\d{1,4}(?:\s?[а-гА-Гкк](?!\w))?(?:[/-]\d{1,4}[а-г]?)?"
_REST = (
    rf"(?:\s*,?\s*{_HOUSE}\s?{_NUMBER}|\s*,?\s*{_NUMBER}(?!\s?(?:лет|год|час|минут|мин\b|раз|тыс|руб|сум|км|метр|челов|дней|дня|%))(?!\w))"
)
_FLAT = rf"(?:\s*,?\s*{_PART}\s?(?:№|no\.?)?\s?{_NUMBER}|\s*,\s*{_NUMBER}(?![\w%])|-\d{{1,4}}(?!\w))"
_STREET_FIRST = re.compile(rf"(?<![\w-]){_STREET}\s*[\"']?{_NAME}[\"']?(?P<house>{_REST}{_FLAT}{{0,4}})?", re.IGNORECASE)
_STREET_LAST = re.compile(
    rf"(?<![\w-])(?:на\s+)?(?P<name>[А-ЯЁа-яё][а-яё]+(?:-[А-ЯЁа-яё]+)?(?:ая|ой|ую|ий|ом|ый|ем|ого|ского))\s+(?:улиц(?:а|е|у|ы)|ул\.|проспект(?:е|а|у)?|пр-т|переул(?:ок|ке|ка)|бульвар(?:е|а)?|шоссе|набережн(?:ая|ой)|площад(?:ь|и)|проезд(?:е)?)(?P<house>{_REST}{_FLAT}{{0,4}})?",
    re.IGNORECASE,
)
_HOUSE_FLAT = re.compile(
    rf"(?<![\w-])(?:д\.|дом(?:е)?)\s?(?:№|no\.?)?\s?{_NUMBER}(?:\s*,?\s*{_PART}\s?(?:№|no\.?)?\s?{_NUMBER})+|(?<![\w-])(?:кв\.|квартир(?:а|е|у))\s?(?:№|no\.?)?\s?\d{{1,4}}(?!\w)",
    re.IGNORECASE,
)
_BARE = re.compile(
    rf"\b(?:жив(?:у|ём|ем|[её]т|ут)|жил[аи]?|прописан[аы]?|адрес(?:у|е)?|переехал[аи]?|квартир[аыуе]|снимаю|приезжайте|находится|дом(?:а)?|приехать|проживаю|проживает|адресу?:)\s+(?:\w+\s+){{0,2}}?(?:на|по|:|-|адресу)?\s*(?P<only>[А-ЯЁ][а-яё]+(?:\s[А-ЯЁ][а-яё]+)?\s*,?\s(?:{_HOUSE}\s?)?{_NUMBER}(?!\s?(?:лет|год|час|минут|раз|тыс))(?![\w%]){_FLAT}{{0,3}})"
)
_BLOCK = re.compile(
    rf"(?<![\w-])[А-ЯЁ][а-яё]+(?:-|\s)\d{{1,2}}(?:-?й)?(?:\s(?:квартал|массив|микрорайон|мкр\.?))?\s*,?\s(?:{_HOUSE}\s?{_NUMBER}){_FLAT}{{0,3}}"
)
_POSTCODE = re.compile(
    r"\bиндекс\w*\s*[:=—-]?\s*(?P<only>\d{6})\b|(?<![\w.-])(?P<alone>[1-6]\d{5})(?=,\s*(?:г\.|город|[А-ЯЁ]))", re.IGNORECASE
)


class RussianAddressRecognizer(Recognizer):
    """Streets with house and flat; a street in small letters counts with a house number or as a name that is no ordinary word."""

    TYPE = "ADDRESS"

    def applies(self, document: Document) -> bool:
        """Cyrillic letters occur."""
        return document.has_cyrillic

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield addresses as long as they go."""
        text = document.text
        for pattern in (_STREET_FIRST, _STREET_LAST):
            for match in pattern.finditer(text):
                if match["house"] or _named(match.group(), match.groupdict().get("name")):
                    yield match.start(), match.start() + len(match.group().rstrip(" ,.-")), 0.8
        for pattern in (_HOUSE_FLAT, _BLOCK):
            for match in pattern.finditer(text):
                yield match.start(), match.end(), 0.7
        for match in _BARE.finditer(text):
            yield match.start("only"), match.start("only") + len(match["only"].rstrip(" ,.")), 0.7
        for match in _POSTCODE.finditer(text):
            group = "only" if match["only"] else "alone"
            yield match.start(group), match.end(group), 0.75


def _named(street: str, name: str | None) -> bool:
    """Say whether a street without a number is named: its name has a capital, or is no ordinary word of the dictionary."""
    if name is not None:
        return name[0].isupper() and not re.match(r"(?:Эт|Так|Как|Мо|Наш|Сво|Больш|Главн|Другой|Сам|Как|Вс)", name) and len(name) > 4
    words = re.findall(r"[^\W\d_][\w-]*", street)
    if len(words) < 2:
        return False
    if words[-1][0].isupper():
        return words[0].casefold() not in {"пл", "ш", "линия"}
    entry = look_up(words[1].casefold())
    return words[0].casefold().startswith(("ул", "просп", "пр-т", "переул", "бульвар")) and (entry.name >= 0.3 or not entry.known)
