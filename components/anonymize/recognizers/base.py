"""What all of Attune's recognizers are: Presidio recognizers that need no model and no NLP artifacts."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

from components.anonymize.presidio_light import LocalRecognizer, RecognizerResult

Finding = tuple[int, int, float]
"""Start, end (exclusive), score from 0 to 1."""


class RuleRecognizer(LocalRecognizer):  # type: ignore[misc]  # Presidio is untyped here
    """A Presidio recognizer of one entity by rules; subclasses say what it is and how it is found.

    Usable in any Presidio registry: ``registry.add_recognizer(NameRecognizer())``.
    """

    ENTITY: ClassVar[str]

    def __init__(self, supported_language: str = "en") -> None:
        super().__init__(supported_entities=[self.ENTITY], name=type(self).__name__, supported_language=supported_language)

    def load(self) -> None:
        """Nothing to load: word lists are read at first use."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[RecognizerResult]:
        """Presidio's entry: the findings of a text as recognizer results."""
        if self.ENTITY not in entities:
            return []
        return [RecognizerResult(self.ENTITY, start, end, score) for start, end, score in self.find(text) if start < end]

    @abstractmethod
    def find(self, text: str) -> Iterator[Finding]:
        """Yield what the rules find in a normalised text."""
