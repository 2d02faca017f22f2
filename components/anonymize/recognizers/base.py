"""What all rule recognizers are: one type of personal data, found in a normalised document."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from components.anonymize.document import Document

Finding = tuple[int, int, float]
"""Start, end (exclusive), score from 0 to 1."""


class Recognizer(ABC):
    """Finds one type of personal data by rules; subclasses say which and how."""

    TYPE: ClassVar[str]

    def applies(self, document: Document) -> bool:
        """Say cheaply whether the document can hold anything of this kind at all; most turns hold nothing of most kinds."""
        return True

    @abstractmethod
    def find(self, document: Document) -> Iterator[Finding]:
        """Yield what the rules find in the normalised text, in any order, overlaps allowed."""
