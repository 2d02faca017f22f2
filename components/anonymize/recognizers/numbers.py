# ruff: noqa: E501 - a pattern is read as one line or not at all
"""Numbers that somebody keeps of a person: records, documents, accounts, cars."""

import re
from collections.abc import Iterator

from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer

_KEPT_NUMBER = (
    r"record|mrn|chart|patient|case|file|claim|passport|licen[cs]e|permit|ssn|social\s+security|nhs|insurance|policy|member(?:ship)?|account|acct|card|student|employee|staff|badge|i\.?d\.?|order"
    r"|invoice|reference|ref|booking|reservation|ticket|plate|registration|reg|vin|visa|tax|tin|inn|инн|снилс|паспорт\w*|полис\w*|карт[аыеу]|договор\w*|pinfl|jshshir|жшшир|stir|pasport\w*|application"
    r"|tracking|serial|customer|client|prescription|rx|iban|swift|routing|sort\s+code|pin|password|code|docket|citizenship|medicare|medicaid|dni|nie|curp|cpf|aadhaar|pan|nino|sin"
)
_CODE = r"(?=[\w/-]*\d)[A-Za-z0-9А-Яа-я][A-Za-z0-9А-Яа-я]*(?:[-/ .](?=[A-Z0-9]*\d)[A-Za-z0-9]+){0,5}"


class RecordNumberRecognizer(Recognizer):
    """Identifying numbers, by what is said before them, by shape, or by length alone."""

    TYPE = "ID"
    _TOLD = re.compile(
        rf"\b(?:{_KEPT_NUMBER})(?:'s)?(?:\s+(?:card|record|file|plate|security|licen[cs]e))?\s*(?:(?:number|numbers|no\.?|nr\.?|num|id|code|is|was|ends?\s+(?:in|with)|ending\s+(?:in|with)|it's|its|номер|raqami)"
        rf"|[:#№=,(])*\s*(?:(?:number|is|:|#|no\.?)\s*)*(?P<code>{_CODE})",
        re.IGNORECASE,
    )
    _MARKED = re.compile(
        r"(?:№|\bno\.|\bnos\.|\bnr\.?|(?<!\w)#|\bnumbers?)\s?(?P<code>[A-Z]{0,4}[-/]?\d[\dA-Z]*(?:[-/.]\d+){0,4})(?!\w)", re.IGNORECASE
    )
    _HASHED = re.compile(r"(?<![\w&])[#№]\s?[A-Z]{0,4}-?\d{3,}[\dA-Z]*(?:[-/]\w+)?(?!\w)")
    _LISTED = re.compile(r"(?<![\w/.-])\d{2,6}/\d{2,4}(?:/[A-Z0-9]+)?(?![\w/-])")
    _SHAPED = re.compile(
        r"(?<![\w.-])(?:(?=[A-Z0-9-]*\d[A-Z0-9-]*\d[A-Z0-9-]*\d)[A-Z]{1,5}[- ]?\d{2,}(?:[- ]?[A-Z0-9]*\d[A-Z0-9]*)*(?:[- ]?[A-Z]{1,3})?|(?:[A-Z]{1,5}[-/]){1,3}\d{4,}(?:[-/]\w+)?|\d{2,}[A-Z]{1,4}\d{2,}\w*|[A-Z]\d{3}[A-Z]{2}\d{2,3}|\d{3}-\d{2}-\d{4}"
        r"|\d{2}\s\d{2}\s\d{6}|\d{3}-\d{3}-\d{3}\s\d{2})(?![\w-])"
    )
    _LONG = re.compile(
        r"(?<![\w.,$€£₽#/-])\d(?:[- ]?\d){5,}(?![\w/]|[.,]\d|\s?(?:dollars|usd|euros?|pounds|rubles|so'm|sums?|people|million|thousand|k\b|%))",
        re.IGNORECASE,
    )
    _KNOWN = re.compile(r"(?:COVID|SARS|MP|PS|GPT|CO|H\d?N|PM|AM|B|DSM|ICD|PHQ|GAD|F|A|T|M|J)[- ]?\d{1,2}(?:\.\d)?", re.IGNORECASE)
    _YEARS = re.compile(r"(?:19|20)\d\d(?:\s?[-/]\s?(?:(?:19|20)\d\d|\d\d))?")
    _DATE = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}")

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield numbers and codes; ordinary figures (years, prices, doses, scores) are left alone."""
        text = document.text
        for match in self._TOLD.finditer(text):
            code = match.group("code")
            if sum(character.isdigit() for character in code) >= 3 and not self._YEARS.fullmatch(code):
                yield match.start("code"), match.end("code"), 0.85
        for match in self._MARKED.finditer(text):
            if sum(character.isdigit() for character in match.group("code")) >= 4:
                yield match.start("code"), match.end("code"), 0.8
        for pattern in (self._HASHED, self._LISTED, self._SHAPED, self._LONG):
            for match in pattern.finditer(text):
                code = match.group()
                if not (self._KNOWN.fullmatch(code) or self._YEARS.fullmatch(code) or self._DATE.fullmatch(code)):
                    yield match.start(), match.end(), 0.7
