"""Numbers with a check digit or a fixed form: cards, bank accounts, network addresses, wallets, social security numbers."""

import ipaddress
import re
from collections.abc import Iterator

from stdnum import iban, luhn
from stdnum.exceptions import ValidationError
from stdnum.us import ssn

from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer


class CheckedNumberRecognizer(Recognizer):
    """Numbers that prove themselves by their check digits or their form, whatever is said around them."""

    TYPE = "ID"
    _CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])")
    _IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{2,4}){3,8}\b", re.IGNORECASE)
    _IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)")
    _IPV6 = re.compile(r"(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])", re.IGNORECASE)
    _MAC = re.compile(r"(?<![\w:-])[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}(?![\w:-])", re.IGNORECASE)
    _WALLET = re.compile(r"\b(?:bc1[a-z0-9]{25,59}|[13][a-km-zA-HJ-NP-Z1-9]{25,34}|0x[0-9a-fA-F]{40})\b")
    _SSN = re.compile(r"(?<![\w-])\d{3}[- ]\d{2}[- ]\d{4}(?![\w-])")
    _NINO = re.compile(r"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\s?\d{2}\s?\d{2}\s?\d{2}\s?[A-D]\b", re.IGNORECASE)

    def applies(self, document: Document) -> bool:
        """Every such number has figures, but for an address of zeros (``::``)."""
        return document.has_digit

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield numbers whose check holds."""
        text = document.text
        for pattern, holds in (
            (self._CARD, lambda code: luhn.is_valid(re.sub(r"\D", "", code))),
            (self._IBAN, iban.is_valid),
            (self._IPV4, _is_address),
            (self._IPV6, _is_address),
            (self._SSN, _is_ssn),
        ):
            for match in pattern.finditer(text):
                if holds(match.group()):
                    yield match.start(), match.end(), 1.0
        for pattern in (self._MAC, self._WALLET, self._NINO):
            for match in pattern.finditer(text):
                yield match.start(), match.end(), 0.9


def _is_address(code: str) -> bool:
    try:
        ipaddress.ip_address(code)
    except ValueError:
        return False
    return True


def _is_ssn(code: str) -> bool:
    try:
        ssn.validate(code.replace(" ", "-"))
    except ValidationError:
        return False
    return True
