"""What is replaced and how: one operator for each type, read from a policy file."""

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from components.anonymize.operators.ages import is_kept_age
from components.anonymize.operators.surface import holds_only_years
from components.shared.errors import ContractError
from components.shared.normalize import canonical

EntityType = Literal[
    "PERSON", "EMAIL", "PHONE", "HANDLE", "URL", "ID", "ADDRESS", "DATE", "AGE", "ORGANIZATION", "LOCATION",
    "PROFESSION", "DEMOGRAPHIC", "QUANTITY", "EVENT",
]  # fmt: skip
POLICIES = Path(__file__).parent / "policies"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Keep(_Strict):
    """The value stays."""

    op: Literal["keep"]


class Placeholder(_Strict):
    """``[PERSON_1]``, numbered within a person."""

    op: Literal["placeholder"]


class Redact(_Strict):
    """``[REDACTED]``: not even which values are the same remains."""

    op: Literal["redact"]


class Surrogate(_Strict):
    """Another name of the same culture, gender and case."""

    op: Literal["surrogate"]


class Format(_Strict):
    """Another number or address of the same form, from ranges that belong to nobody."""

    op: Literal["format"]


class Shift(_Strict):
    """Dates go back by the same number of days for all dates of a person; a multiple of 7, so that weekdays stay."""

    op: Literal["shift"]

    min_days: int = Field(default=30, ge=7)
    """Smallest offset, days."""

    max_days: int = Field(default=359, le=3650)
    """Largest offset, days; below a year, so that seasons blur and ages hardly change."""

    @model_validator(mode="after")
    def _holds_a_week(self) -> Self:
        if self.max_days // 7 * 7 < self.min_days:
            raise ValueError(f"no multiple of 7 lies between min_days={self.min_days} and max_days={self.max_days}; widen the range")
        return self


class Band(_Strict):
    """Another age of the same band; an adult stays an adult, a minor a minor."""

    op: Literal["band"]

    width: int = Field(default=5, ge=2, le=20)
    """Years."""

    cap: int = Field(default=90, ge=60, le=120)
    """From this age on it is only said that it is passed (HIPAA Safe Harbor: over 89)."""


class Generalise(_Strict):
    """A broader word: a town for its name."""

    op: Literal["generalise"]

    level: Literal["class", "country"] = "class"
    """``class``: "a town"; ``country``: "a town in Uzbekistan" where the gazetteer knows the place (places only)."""


class Class(_Strict):
    """What kind of body it is: "a clinic" for its name."""

    op: Literal["class"]


Operation = Annotated[Keep | Placeholder | Redact | Surrogate | Format | Shift | Band | Generalise | Class, Field(discriminator="op")]
_ANY = frozenset({"keep", "placeholder", "redact"})
_NUMBERED = _ANY | {"format"}
_BROADENED = _ANY | {"generalise"}
_POSSIBLE: dict[str, frozenset[str]] = {
    "PERSON": _ANY | {"surrogate"},
    **dict.fromkeys(("EMAIL", "PHONE", "HANDLE", "URL", "ID", "ADDRESS"), _NUMBERED),
    "DATE": _ANY | {"shift"},
    "AGE": _ANY | {"band"},
    "ORGANIZATION": _ANY | {"class"},
    **dict.fromkeys(("LOCATION", "PROFESSION", "DEMOGRAPHIC", "QUANTITY", "EVENT"), _BROADENED),
}
"""Operators that make sense for a type."""


class Policy(_Strict):
    """What a privacy officer decides: which types are replaced, how, and which values are exempt."""

    name: str
    """Name for reports."""

    operators: dict[EntityType, Operation]
    """Operator of each type that is replaced; types that are not named stay as they are."""

    minimum_age: int = Field(default=90, ge=0, le=120)
    """Years; ages from here on are replaced, younger ones stay (HIPAA Safe Harbor, 45 CFR 164.514(b)(2): over 89). 0 replaces every age."""

    years: Literal["keep", "replace"] = "keep"
    """Whether a year without day and month stays (Safe Harbor) or is treated as a date."""

    allow: tuple[str, ...] = ()
    """Values that are never replaced (compared without case), such as the public name of the service. Keep it short: it is an exemption."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        """Accept the name or path of a policy in the place of its fields."""
        return _document(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for entity_type, operation in self.operators.items():
            if operation.op not in _POSSIBLE[entity_type]:
                wanted = ", ".join(sorted(_POSSIBLE[entity_type]))
                raise ValueError(f"operators.{entity_type}: {operation.op} is not possible for this type; possible: {wanted}")
        return self

    @classmethod
    def load(cls, name_or_path: str) -> Self:
        """Read a shipped policy by name, or any by the path of its YAML file.

        Raises:
            ContractError: there is no such policy, or it is not valid; the message says what is wrong.
        """
        try:
            return cls.model_validate(_document(name_or_path))
        except ValidationError as error:
            problems = "\n  ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors())
            raise ContractError(f"policy {name_or_path!r} is not valid:\n  {problems}") from None

    @property
    def types(self) -> tuple[str, ...]:
        """The types that are replaced."""
        return tuple(name for name, operation in self.operators.items() if operation.op != "keep")

    def replaces(self, entity_type: str, value: str) -> bool:
        """Say whether a value of a type is replaced at all."""
        operation = self.operators.get(entity_type)  # type: ignore[call-overload]  # any type of a detector may be asked for
        if operation is None or operation.op == "keep":
            return False
        if entity_type == "AGE" and is_kept_age(value, self.minimum_age):
            return False
        if entity_type == "DATE" and self.years == "keep" and holds_only_years(value):
            return False
        return canonical(value) not in _allowed(self.allow)


@cache
def _allowed(values: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(canonical, values))


def shipped() -> list[str]:
    """Return the names of the policies that come with the stage."""
    return sorted(path.stem for path in POLICIES.glob("*.yaml"))


def _document(name_or_path: str) -> Any:
    path = POLICIES / f"{name_or_path}.yaml" if name_or_path in shipped() else Path(name_or_path)
    if not path.is_file():
        raise ContractError(f"there is no policy {name_or_path!r}; give one of {', '.join(shipped())}, or the path of a YAML file")
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        document = None
    if not isinstance(document, dict):
        raise ContractError(f"policy {name_or_path!r} is no YAML mapping; copy one of {POLICIES.name}/ and change it")
    return document
