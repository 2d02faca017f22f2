"""Numbers with a check digit or a fixed form: cards, bank accounts, network addresses, wallets, social security numbers."""

import ipaddress
import re
from collections.abc import Callable, Iterator

from stdnum import iban, luhn
from stdnum.exceptions import ValidationError
from stdnum.us import ssn

from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer


def _is_card(code: str) -> bool:
    return bool(luhn.is_valid("".join(character for character in code if character.isdigit())))


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


class CheckedNumberRecognizer(Recognizer):
    """Numbers that prove themselves by their check digits or their form, whatever is said around them."""

    TYPE = "ID"
    _CHECKED: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...] = (
        (re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])"), _is_card),
        (re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)"), _is_address),
        (re.compile(r"(?<![\w-])\d{3}[- ]\d{2}[- ]\d{4}(?![\w-])"), _is_ssn),
    )
    _ACCOUNT = re.compile(r"\b[a-z]{2}\d{2}(?:[ -]?[a-z0-9]{2,4}){3,8}\b")
    _WORD_END = re.compile(r"[a-z0-9]\b")
    _IPV6 = re.compile(r"(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}(?:[0-9a-f]{0,4}|(?:\d{1,3}\.){3}\d{1,3})(?![\w:])")
    _FORMED = (
        re.compile(r"(?<![\w:-])[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}(?![\w:-])"),
        re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"),
        re.compile(r"\b[a-ceghj-pr-tw-z][a-ceghj-npr-tw-z]\s?\d{2}\s?\d{2}\s?\d{2}\s?[a-d]\b"),
        re.compile(r"\b(?=[a-z0-9]{0,16}\d{4})(?=\d{0,16}[a-z])[a-hj-npr-z0-9]{17}\b"),
    )
    """Network card, UUID, British national insurance, vehicle."""
    _WALLET = re.compile(r"\b(?:bc1[a-z0-9]{25,59}|[13][a-km-zA-HJ-NP-Z1-9]{25,34}|0x[0-9a-fA-F]{40})\b")

    def applies(self, document: Document) -> bool:
        """Every such number has figures."""
        return document.has_digit

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield numbers whose check holds."""
        folded = document.folded
        for pattern, holds in self._CHECKED:
            for match in pattern.finditer(folded):
                if holds(match.group()):
                    yield match.start(), match.end(), 1.0
        yield from self._accounts(folded)
        if ":" in document.characters:
            for match in self._IPV6.finditer(folded):
                if _is_address(match.group()):
                    yield match.start(), match.end(), 1.0
        for pattern in self._FORMED:
            for match in pattern.finditer(folded):
                yield match.start(), match.end(), 0.9
        for match in self._WALLET.finditer(document.text):
            yield match.start(), match.end(), 0.9

    def _accounts(self, folded: str) -> Iterator[Finding]:
        """International account numbers; the shape may have taken the words that follow, so the longest valid beginning counts."""
        for match in self._ACCOUNT.finditer(folded):
            ends = [end.end() for end in self._WORD_END.finditer(folded, match.start() + 14, match.end())]
            valid = next((end for end in reversed(ends) if iban.is_valid(folded[match.start() : end])), None)
            if valid is not None:
                yield match.start(), valid, 1.0
