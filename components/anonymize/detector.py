"""Finding personal data in a text: the one interface behind which engines stand."""

from typing import Protocol

from components.anonymize import presidio_light as presidio
from components.shared.normalize import normalize
from components.anonymize.operators import PLACEHOLDER
from components.anonymize.recognizers.contacts import AddressedEmailRecognizer, HandleRecognizer, LinkRecognizer, PhoneRecognizer
from components.anonymize.recognizers.dates import AgeRecognizer, DateRecognizer
from components.anonymize.recognizers.names import NameRecognizer
from components.anonymize.recognizers.numbers import RecordNumberRecognizer
from components.anonymize.recognizers.organizations import OrganizationRecognizer
from components.anonymize.recognizers.places import AddressRecognizer, TownRecognizer
from components.anonymize.spans import Span, merge

_LANGUAGE = "en"
_SCORE_THRESHOLD = 0.4
"""Presidio's weak shapes (0.01-0.3) need the lemmas of a language model as context; ours carry their context themselves."""

TYPE_OF_ENTITY = {
    **{name: name for name in ("PERSON", "HANDLE", "URL", "ID", "ADDRESS", "AGE", "ORGANIZATION", "LOCATION")},
    **{"EMAIL_ADDRESS": "EMAIL", "PHONE_NUMBER": "PHONE", "DATE_TIME": "DATE"},
    **{name: "ID" for name in ("CREDIT_CARD", "CRYPTO", "IBAN_CODE", "IP_ADDRESS", "US_SSN", "UK_NINO")},
}
"""Presidio's entity names to ours."""

ATTUNE_RECOGNIZERS = (
    NameRecognizer,
    PhoneRecognizer,
    AddressedEmailRecognizer,
    LinkRecognizer,
    HandleRecognizer,
    RecordNumberRecognizer,
    DateRecognizer,
    AgeRecognizer,
    OrganizationRecognizer,
    AddressRecognizer,
    TownRecognizer,
)
PRESIDIO_RECOGNIZERS = (
    presidio.EmailRecognizer,
    presidio.CreditCardRecognizer,
    presidio.IbanRecognizer,
    presidio.IpRecognizer,
    presidio.CryptoRecognizer,
    presidio.UsSsnRecognizer,
    presidio.UkNinoRecognizer,
)


class Detector(Protocol):
    """Anything that finds personal data in a text."""

    name: str

    def find(self, text: str) -> list[Span]:
        """Return disjoint spans in order, with offsets into ``text`` as it was given."""
        ...


class PresidioDetector:
    """Presidio's analyzer without a language model: its pattern recognizers and Attune's rule recognizers."""

    name = "presidio+rules"

    def __init__(self) -> None:
        engine = presidio.NoOpNlpEngine(models=[{"lang_code": _LANGUAGE, "model_name": "none"}])
        engine.load()
        registry = presidio.RecognizerRegistry(
            recognizers=[*(recognizer() for recognizer in PRESIDIO_RECOGNIZERS), *(recognizer() for recognizer in ATTUNE_RECOGNIZERS)],
            supported_languages=[_LANGUAGE],
        )
        self._analyzer = presidio.AnalyzerEngine(
            registry=registry, nlp_engine=engine, supported_languages=[_LANGUAGE], default_score_threshold=_SCORE_THRESHOLD
        )

    def find(self, text: str) -> list[Span]:
        """Normalise, analyse, and map every finding back to the text as given."""
        normalized = normalize(text)
        if not normalized.text.strip():
            return []
        results = self._analyzer.analyze(normalized.text, language=_LANGUAGE)
        return [
            Span(*normalized.original(result.start, result.end), TYPE_OF_ENTITY[result.entity_type], self.name)
            for result in results
            if result.end > result.start
        ]


class UnionDetector:
    """Several engines as one: what any of them finds is found; placeholders of an earlier pass are never touched."""

    def __init__(self, engines: list[Detector]) -> None:
        self.name = "+".join(engine.name for engine in engines)
        self._engines = engines

    def find(self, text: str) -> list[Span]:
        """Return the merged findings of all engines."""
        kept = [match.span() for match in PLACEHOLDER.finditer(text)]
        spans = (span for engine in self._engines for span in engine.find(text))
        return merge(span for span in spans if not any(span.start < end and start < span.end for start, end in kept))


def default_detector() -> UnionDetector:
    """Return the detector of the stage. Further engines (a morphological, a neural one) join the list here."""
    return UnionDetector([PresidioDetector()])
