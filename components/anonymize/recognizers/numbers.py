# ruff: noqa: E501 - a pattern is read as one line or not at all
"""Numbers that somebody keeps of a person: records, documents, accounts, cars."""

import re
from collections.abc import Iterator

from components.anonymize import lexicon
from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer

_KEPT = (
    r"record|mrn|chart|patient|case|file|claim|passport|licen[cs]e|permit|ssn|social\ssecurity|nhs|insurance|policy|member(?:ship)?|account|acct|card|student|employee|staff|badge|i\.?d\.?|order"
    r"|invoice|reference|ref|booking|reservation|ticket|plate|registration|reg|vin|visa|tax|tin|inn|инн|снилс|паспорт\w{0,4}|полис\w{0,4}|карт[аыеу]|договор\w{0,4}|pinfl|jshshir|жшшир|stir|pasport\w{0,8}|application"
    r"|tracking|serial|customer|client|prescription|rx|iban|swift|routing|sort\scode|pin|password|code|docket|citizenship|medicare|medicaid|dni|nie|curp|cpf|aadhaar|pan|nino|sin|extension|room|plot|parcel|sheet"
)
_CODE = r"(?=[\w/-]{0,24}\d)[a-zа-я0-9]{1,30}(?:[-/ .](?=[a-z0-9]{0,20}\d)[a-z0-9]{1,30}){0,5}"
_SAID = r"(?:numbers?|no\.?|nr\.?|num|id|code|is|was|ends?\s(?:in|with)|ending\s(?:in|with)|it's|its|номер|raqami|[:#№=,(])"
_UNITS = r"dollars|usd|euros?|pounds|rubles|so'm|sums?|people|million|thousand|k\b|%"


class RecordNumberRecognizer(Recognizer):
    """Identifying numbers, by what is said before them, by shape, or by length alone."""

    TYPE = "ID"
    _TOLD = re.compile(
        rf"\b(?:{_KEPT})(?:'s)?(?:\s(?:card|record|file|plate|security|licen[cs]e))?\s{{0,2}}(?:{_SAID}\s{{0,2}}){{0,4}}(?<![a-z0-9а-я])(?P<code>{_CODE})"
    )
    _MARKED = re.compile(
        r"(?:№|\bno\.|\bnos\.|\bnr\.?|(?<!\w)#|\bnumbers?)\s?(?P<code>[a-z]{0,4}[-/]?\d[\da-z]{0,30}(?:[-/.]\d{1,12}){0,4})(?!\w)"
    )
    _HASHED = re.compile(r"(?<![\w&])[#№]\s?[A-Z]{0,4}-?\d{3,20}[\dA-Z]{0,20}(?:[-/]\w{1,20})?(?!\w)")
    _LISTED = re.compile(r"(?<![\w/.-])\d{2,6}/\d{2,6}(?:[/-][A-Z0-9]{1,10}){0,3}(?![\w/-])")
    _SHAPED = re.compile(
        r"(?<![\w.-])(?:(?=[A-Z0-9-]{0,12}\d[A-Z0-9-]{0,12}\d[A-Z0-9-]{0,12}\d)[A-Z]{1,5}[- ]?\d{2,20}(?:[- ]?[A-Z0-9]{0,8}\d[A-Z0-9]{0,8}){0,4}(?:[- ]?[A-Z]{1,3})?"
        r"|(?:[A-Z]{1,5}[-/]){1,3}\d{4,20}(?:[-/]\w{1,12})?|\d{2,12}[A-Z]{1,4}\d{2,12}\w{0,12}|[A-Z]\d{3}[A-Z]{2}\d{2,3}|\d{3}-\d{2}-\d{4}"
        r"|\d{2}\s\d{2}\s\d{6}|\d{3}-\d{3}-\d{3}\s\d{2})(?![\w-])"
    )
    _LONG = re.compile(rf"(?<![\w.,$€£₽#/-])\d(?:[- ]?\d){{5,40}}+\d*+(?![\w/]|[.,]\d|\s?(?:{_UNITS}))")
    _KNOWN = re.compile(
        r"(?:COVID|SARS|MP|PS|GPT|CO|H\d?N|PM|AM|B|DSM|ICD|PHQ|GAD|F|A|T|M|J)[- ]?\d{1,2}(?:\.\d)?|[A-Z]{3}\s?\d{2,3}(?:[ ,]\d{3})*",
        re.IGNORECASE,
    )
    _YEARS = re.compile(r"(?:19|20)\d\d(?:\s?[-/ ]\s?(?:(?:19|20)\d\d|\d\d)){0,6}")
    _DATE = re.compile(r"\d{1,4}([./-])\d{1,2}\1\d{1,4}")
    _THOUSANDS = re.compile(r"\d{1,3}(?: 000)+")

    def applies(self, document: Document) -> bool:
        """A number has figures."""
        return document.has_digit

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield numbers and codes; ordinary figures (years, prices, doses, scores) are left alone."""
        text, folded = document.text, document.folded
        if not document.keys.isdisjoint(lexicon.words("kept_numbers")):
            for match in self._TOLD.finditer(folded):
                if _figures(match["code"]) >= 3 and not self._YEARS.fullmatch(match["code"]):
                    yield match.start("code"), match.end("code"), 0.85
        if not document.characters.isdisjoint("#№") or not document.keys.isdisjoint({"no", "nos", "nr", "number", "numbers"}):
            for match in self._MARKED.finditer(folded):
                if _figures(match["code"]) >= 4:
                    yield match.start("code"), match.end("code"), 0.8
        for pattern in (self._HASHED, self._LISTED, self._SHAPED, self._LONG):
            for match in pattern.finditer(text):
                if not any(ordinary.fullmatch(match.group()) for ordinary in (self._KNOWN, self._YEARS, self._DATE, self._THOUSANDS)):
                    yield match.start(), match.end(), 0.7


def _figures(code: str) -> int:
    return sum(character.isdigit() for character in code)
