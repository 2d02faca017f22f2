"""Attune's detectors for people who run Presidio: any of them as a recognizer of a Presidio registry.

    registry.add_recognizer(as_presidio_recognizer(RuleDetector()))

This is the only module that needs Presidio; the stage itself does not. Importing ``presidio_analyzer`` imports torch and transformers
wherever they are installed (22 s and 430 MB measured, 2.6 s and 104 MB without), and its e-mail recognizer asks two public hosts at the
first address; both are prevented here.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from components.anonymize.detector import Detector
from components.anonymize.spans import TYPES

_UNUSED = ("torch", "transformers", "stanza", "spacy_stanza", "gliner", "cupy", "tensorflow", "mxnet")
ENTITY_OF_TYPE = {name: name for name in TYPES} | {"EMAIL": "EMAIL_ADDRESS", "PHONE": "PHONE_NUMBER", "DATE": "DATE_TIME"}
"""Our types to Presidio's entity names where Presidio has one."""


@contextmanager
def _not_importable(names: tuple[str, ...]) -> Iterator[None]:
    """Make the modules that are not imported yet raise ImportError within the block; Presidio and thinc treat all as optional."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # the documented way to block an import
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


with _not_importable(_UNUSED):
    import tldextract.tldextract
    from presidio_analyzer import LocalRecognizer, RecognizerResult

# The suffix list that ships with the package, no cache on disk, no look-up.
tldextract.tldextract.TLD_EXTRACTOR = tldextract.tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


class DetectorRecognizer(LocalRecognizer):  # type: ignore[misc]  # Presidio is untyped here
    """A Presidio recognizer that asks one of Attune's detectors; it needs no NLP artifacts."""

    def __init__(self, detector: Detector, language: str = "en") -> None:
        self._detector = detector
        super().__init__(supported_entities=sorted(ENTITY_OF_TYPE.values()), name=f"attune-{detector.name}", supported_language=language)

    def load(self) -> None:
        """Nothing to load: the detector is loaded."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[RecognizerResult]:
        """Return the findings of the wanted entities."""
        (spans,) = self._detector.find([text])
        found = (RecognizerResult(ENTITY_OF_TYPE[span.type], span.start, span.end, span.score) for span in spans)
        return [result for result in found if not entities or result.entity_type in entities]


def as_presidio_recognizer(detector: Detector, language: str = "en") -> DetectorRecognizer:
    """Return a detector as a recognizer for a Presidio registry of a language."""
    return DetectorRecognizer(detector, language)
