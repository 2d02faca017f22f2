"""Settings of the anonymize stage: what is replaced, and when the result is refused."""

from typing import Literal

from pydantic import Field

from components.anonymize.operators import is_kept_age
from components.shared.config import StageConfig

EntityType = Literal["PERSON", "EMAIL", "PHONE", "HANDLE", "URL", "ID", "ADDRESS", "DATE", "AGE", "ORGANIZATION", "LOCATION"]


class AnonymizeConfig(StageConfig):
    """What is personal, what replaces it, and which result is good enough."""

    types: tuple[EntityType, ...] = (
        "PERSON", "EMAIL", "PHONE", "HANDLE", "URL", "ID", "ADDRESS", "DATE", "AGE", "ORGANIZATION", "LOCATION",
    )  # fmt: skip
    """Types that are replaced; the default covers what the HIPAA Safe Harbor (45 CFR 164.514(b)(2)) lists for text, and organisations."""

    mode: Literal["placeholder"] = "placeholder"
    """What stands for a value: ``[PERSON_1]``, the same for the same value of the same person."""

    minimum_age: int = Field(default=90, ge=0, le=120)
    """Years; ages from here on are replaced, younger ones stay (Safe Harbor: over 89). 0 replaces every age."""

    allow: tuple[str, ...] = ()
    """Values that are never replaced (compared without case), such as the public name of the service. Keep it short: it is an exemption."""

    max_leak_fraction: float = Field(default=0.01, ge=0.0, le=1.0)
    """Share of rows that the leak check may quarantine; above it the stage fails and writes no data."""

    min_recall: float | None = Field(default=None, ge=0.0, le=1.0)
    """Recall of direct identifiers that must be reached where gold spans exist; unset: reported, not required."""

    workers: int = Field(default=0, ge=0, le=64)
    """Processes; 0: as many as CPUs are available. The output does not depend on it."""

    def scored(self, entity_type: str, value: str) -> bool:
        """Say whether the policy replaces a value of a type at all (ages below ``minimum_age`` stay)."""
        return entity_type in self.types and not (entity_type == "AGE" and is_kept_age(value, self.minimum_age))
