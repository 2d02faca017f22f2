"""A value as it stands in a turn, and the thing that it names."""

from dataclasses import dataclass

from components.shared.languages import Language


@dataclass(frozen=True)
class Mention:
    """One occurrence of personal data."""

    type: str
    """One of ``spans.TYPES``."""
    entity: str
    """Canonical key, equal for all mentions of the same thing of a person; for PERSON the sorted words of the fullest name."""
    surface: str
    """As written."""
    language: Language | None = None
    """Of the turn."""
    birth: bool = False
    """A date of birth, of which only the decade may stay."""
