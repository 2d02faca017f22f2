"""The rules engine: all rule recognizers over one document. Imports no model and no framework, and reads nothing but word lists."""

from collections.abc import Sequence

from components.anonymize.document import Turns
from components.anonymize.recognizers.about_person import DemographicRecognizer, ProfessionRecognizer, QuantityRecognizer
from components.anonymize.recognizers.addresses import AddressRecognizer
from components.anonymize.recognizers.ages import AgeRecognizer
from components.anonymize.recognizers.base import Recognizer
from components.anonymize.recognizers.checked_numbers import CheckedNumberRecognizer
from components.anonymize.recognizers.contacts import EmailRecognizer, LinkRecognizer
from components.anonymize.recognizers.dates import DateRecognizer
from components.anonymize.recognizers.handles import HandleRecognizer
from components.anonymize.recognizers.names import NameRecognizer
from components.anonymize.recognizers.numbers import RecordNumberRecognizer
from components.anonymize.recognizers.organizations import OrganizationRecognizer
from components.anonymize.recognizers.phones import PhoneRecognizer
from components.anonymize.recognizers.places import TownRecognizer
from components.anonymize.recognizers.ru_uz import RUSSIAN_UZBEK
from components.anonymize.spans import Span, merge_by_type

RECOGNIZERS: tuple[type[Recognizer], ...] = (
    NameRecognizer,
    PhoneRecognizer,
    EmailRecognizer,
    LinkRecognizer,
    HandleRecognizer,
    CheckedNumberRecognizer,
    RecordNumberRecognizer,
    DateRecognizer,
    AgeRecognizer,
    OrganizationRecognizer,
    AddressRecognizer,
    TownRecognizer,
    ProfessionRecognizer,
    DemographicRecognizer,
    QuantityRecognizer,
    *RUSSIAN_UZBEK,
)
THRESHOLD = 0.5
"""Score from which a finding counts; weaker ones are shapes without context, of which the leak check's second look wants to know."""


class RuleDetector:
    """Finds personal data by patterns, check digits, word lists and context."""

    name = "rules"

    def __init__(self, threshold: float = THRESHOLD, recognizers: Sequence[type[Recognizer]] = RECOGNIZERS) -> None:
        self._threshold = threshold
        self._recognizers = [recognizer() for recognizer in recognizers]

    def find(self, turns: Sequence[str]) -> list[list[Span]]:
        """Search the turns of one row as one document."""
        joined = Turns(turns)
        document = joined.document
        if not document.text.strip():
            return [[] for _ in turns]
        spans = [
            Span(start, end, recognizer.TYPE, self.name, score)
            for recognizer in self._recognizers
            if recognizer.applies(document)
            for start, end, score in recognizer.find(document)
            if score >= self._threshold and start < end
        ]
        return joined.separate(merge_by_type(spans))
