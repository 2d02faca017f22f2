"""Configurations: typed, frozen, closed, and the same after a trip through a KFP parameter."""

from typing import Any, Literal

import pytest
from google.protobuf import json_format, struct_pb2
from pydantic import Field, ValidationError

from components.shared.config import StageConfig
from components.shared.errors import ContractError


class Inner(StageConfig):
    rank: int = Field(default=16, ge=1)
    """Rank of the adapter."""


class ExampleConfig(StageConfig):
    steps: int = Field(default=10, ge=1, le=100)
    """Optimizer steps."""
    rate: float = 0.5
    note: str | None = None
    mode: Literal["fast", "exact"] = "fast"
    inner: Inner = Inner()
    tags: tuple[str, ...] = ("a",)


def through_kfp(parameter: dict[str, Any]) -> dict[str, Any]:
    """What a stage receives: KFP keeps dictionaries as protobuf structs, in which every number is a double."""
    struct = struct_pb2.Struct()
    json_format.ParseDict(parameter, struct)
    received: dict[str, Any] = json_format.MessageToDict(struct)
    return received


@pytest.mark.parametrize(
    "config",
    [ExampleConfig(), ExampleConfig(steps=7, note="n", mode="exact", inner=Inner(rank=4), tags=("x", "y")), ExampleConfig(tags=())],
)
def test_a_configuration_survives_a_kfp_parameter(config: ExampleConfig) -> None:
    received = through_kfp(config.to_parameter())
    assert type(received["steps"]) is float
    assert ExampleConfig.parse(received) == config


def test_nothing_given_means_all_defaults() -> None:
    assert ExampleConfig.parse({}) == ExampleConfig()


def test_a_parameter_never_holds_none() -> None:
    assert "note" not in ExampleConfig().to_parameter()


def test_every_mistake_is_named_at_once_with_what_is_known() -> None:
    with pytest.raises(ContractError) as raised:
        ExampleConfig.parse({"step": 3, "steps": 0, "inner": {"rank": 0}, "mode": "slow"})
    message = str(raised.value)
    assert "example.step: unknown setting; known: inner, mode, note, rate, steps, tags" in message
    assert "example.steps: Input should be greater than or equal to 1 (given 0)" in message
    assert "example.inner.rank: Input should be greater than or equal to 1 (given 0)" in message
    assert "example.mode: Input should be 'fast' or 'exact' (given 'slow')" in message


def test_a_number_with_a_fraction_is_no_integer() -> None:
    with pytest.raises(ContractError, match=r"example\.steps: .* \(given 7\.5\)"):
        ExampleConfig.parse({"steps": 7.5})


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        ExampleConfig().steps = 3  # type: ignore[misc]


def test_docstrings_below_fields_become_descriptions() -> None:
    assert ExampleConfig.model_fields["steps"].description == "Optimizer steps."
