"""The base of every stage configuration: frozen, typed, unknown keys refused.

One class per stage serves the YAML profiles, ``--set``, the KFP parameters and the container. KFP sends dictionaries as protobuf
structs, which turns integers into floats and forbids ``None``: ``to_parameter`` and pydantic's parsing undo both.
"""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from components.shared.errors import ContractError


class StageConfig(BaseModel):
    """A stage's settings. Subclasses document each field below it, with unit and source."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @classmethod
    def parse(cls, parameters: dict[str, Any]) -> Self:
        """Build the configuration from a KFP parameter, a YAML section or an empty dictionary (all defaults).

        Raises:
            ContractError: a key is unknown or a value is out of range; the message lists each one.
        """
        try:
            return cls.model_validate(parameters)
        except ValidationError as error:
            stage = cls.__name__.removesuffix("Config").lower()
            lines = [_explain(stage, cls, problem) for problem in error.errors()]
            raise ContractError("invalid configuration:\n  " + "\n  ".join(lines)) from None

    def to_parameter(self) -> dict[str, Any]:
        """Return the settings as a JSON dictionary that a KFP struct parameter can carry."""
        return self.model_dump(mode="json", exclude_none=True)


def _explain(stage: str, cls: type[StageConfig], problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{stage}.{key}: unknown setting; known: {', '.join(sorted(cls.model_fields))}"
    return f"{stage}.{key}: {problem['msg']} (given {problem['input']!r})"
