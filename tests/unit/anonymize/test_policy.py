"""Policy files: the shipped ones, a house's own, and what is refused."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from components.anonymize.policy import Policy, shipped
from components.anonymize.spans import TYPES
from components.shared.errors import ContractError

DIRECT_AND_QUASI = set(TYPES) - {"PROFESSION", "DEMOGRAPHIC", "QUANTITY", "EVENT"}


def test_three_policies_are_shipped() -> None:
    assert shipped() == ["placeholders", "strict", "surrogates"]


@pytest.mark.parametrize("name", ["placeholders", "strict", "surrogates"])
def test_a_shipped_policy_carries_its_name(name: str) -> None:
    assert Policy.load(name).name == name


def test_what_each_policy_replaces() -> None:
    assert set(Policy.load("surrogates").types) == DIRECT_AND_QUASI
    assert set(Policy.load("placeholders").types) == DIRECT_AND_QUASI
    assert set(Policy.load("strict").types) == set(TYPES)
    assert {operation.op for operation in Policy.load("placeholders").operators.values()} == {"placeholder"}


@pytest.mark.parametrize(
    ("entity_type", "value", "default", "strict"),
    [
        ("AGE", "34", False, True),
        ("AGE", "90", True, True),
        ("AGE", "ninety-one", True, True),
        ("AGE", "тридцать четыре", False, True),
        ("AGE", "to'qson besh", True, True),
        ("AGE", "in her prime", True, True),
        ("DATE", "2019", False, True),
        ("DATE", "2019 году", False, True),
        ("DATE", "2019-yilda", False, True),
        ("DATE", "March 2019", True, True),
        ("DATE", "12 марта", True, True),
        ("PROFESSION", "nurse", False, True),
        ("PERSON", "Anna", True, True),
        ("SOMETHING_ELSE", "Anna", False, False),
    ],
)
def test_what_is_replaced_by_value(entity_type: str, value: str, default: bool, strict: bool) -> None:
    assert Policy.load("surrogates").replaces(entity_type, value) is default
    assert Policy.load("strict").replaces(entity_type, value) is strict


def test_allowed_values_stay_whatever_their_case() -> None:
    policy = Policy.load("surrogates").model_copy(update={"allow": ("Help Line",)})
    assert policy.replaces("ORGANIZATION", "HELP  line") is False
    assert policy.replaces("ORGANIZATION", "Help Lines") is True


def test_a_field_of_a_configuration_takes_name_path_or_mapping(tmp_path: Path) -> None:
    class Settings(BaseModel):
        policy: Policy

    own = tmp_path / "own.yaml"
    own.write_text("name: own\noperators:\n  PERSON: {op: redact}\n")
    assert Settings.model_validate({"policy": "strict"}).policy == Policy.load("strict")
    assert Settings.model_validate({"policy": str(own)}).policy.types == ("PERSON",)
    inlined = Policy.load("strict").model_dump(mode="json")
    assert Settings.model_validate({"policy": inlined}).policy == Policy.load("strict")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name: x\noperators: {PERSON: {op: shift}}", "shift is not possible for this type"),
        ("name: x\noperators: {PERSON: {op: surogate}}", "surogate"),
        ("name: x\noperators: {NAME: {op: keep}}", "NAME"),
        ("name: x\noperators: {}\nminimumage: 3", "minimumage"),
        ("name: x\noperators: {DATE: {op: shift, min_days: 30, max_days: 34}}", "no multiple of 7"),
        ("operators: {}", "name"),
        ("- a list", "no YAML mapping"),
        ("a: [", "no YAML mapping"),
    ],
)
def test_a_wrong_policy_is_refused_in_words(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(content)
    with pytest.raises(ContractError, match=message):
        Policy.load(str(path))


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ContractError, match="placeholders, strict, surrogates"):
        Policy.load("strikt")


def test_a_policy_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Policy.load("strict").minimum_age = 18  # type: ignore[misc]
