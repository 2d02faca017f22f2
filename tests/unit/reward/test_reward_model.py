"""Reward artifacts of one member or several: what is written is what is loaded, and what is broken is refused."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from components.shared import modeling
from components.shared.base_model import BaseModelReference
from components.shared.errors import ContractError
from components.shared.lora import LoraSettings
from components.shared.modeling import adapter_parameters, adapter_state
from components.shared.reward_model import (
    Normalisation,
    ScalarHead,
    load_reward_members,
    load_reward_model,
    member_directory,
    on_first_scale,
    save_reward_model,
)
from tests.tiny_model import build_tiny_model, reference_of


@dataclass(frozen=True)
class Written:
    """An ensemble of three with safety heads, and what it was made of."""

    directory: Path
    adapters: list[dict[str, torch.Tensor]]
    heads: list[ScalarHead]
    safety_heads: list[ScalarHead]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> BaseModelReference:
    return reference_of(build_tiny_model(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def written(reference: BaseModelReference, tmp_path_factory: pytest.TempPathFactory) -> Written:
    result = Written(tmp_path_factory.mktemp("ensemble") / "reward", [], [], [])
    torch.manual_seed(1)
    model = modeling.new_adapter(modeling.load_base(reference), "any", LoraSettings(r=4, alpha=8))
    for index in range(3):
        with torch.no_grad():
            for _, parameter in adapter_parameters(model, "any"):
                parameter.normal_(std=0.1)
        result.adapters.append(adapter_state(model, "any"))
        result.heads.append(ScalarHead(32))
        result.safety_heads.append(ScalarHead(32))
        folder = member_directory(result.directory, index)
        save_reward_model(model, "any", result.heads[-1], Normalisation(0.5 * index, 1.0 + index), folder, result.safety_heads[-1])
    return result


@pytest.fixture
def copy(written: Written, tmp_path: Path) -> Path:
    return shutil.copytree(written.directory, tmp_path / "reward")


def test_every_member_comes_back_frozen_under_its_name(reference: BaseModelReference, written: Written) -> None:
    model = modeling.new_adapter(modeling.load_base(reference), "sft", LoraSettings(r=2, alpha=4))

    model, members = load_reward_members(model, "reward", written.directory)

    assert [member.adapter for member in members] == ["reward", "reward_1", "reward_2"]
    assert [member.normalisation for member in members] == [Normalisation(0.0, 1.0), Normalisation(0.5, 2.0), Normalisation(1.0, 3.0)]
    for index, member in enumerate(members):
        state = adapter_state(model, member.adapter)
        assert state.keys() == written.adapters[index].keys()
        assert all(torch.equal(state[key], written.adapters[index][key]) for key in state)
        assert torch.equal(member.head.linear.weight, written.heads[index].linear.weight)
        assert member.safety_head is not None
        assert torch.equal(member.safety_head.linear.weight, written.safety_heads[index].linear.weight)
        parts: list[Any] = [*member.head.parameters(), *member.safety_head.parameters()]
        assert not any(parameter.requires_grad for parameter in [*parts, *(p for _, p in adapter_parameters(model, member.adapter))])


def test_an_artifact_of_one_adapter_is_an_ensemble_of_one(reference: BaseModelReference, copy: Path, written: Written) -> None:
    for name in ("member-1", "member-2"):
        shutil.rmtree(copy / name)
    (copy / "safety_head.safetensors").unlink()
    assert sorted(path.name for path in copy.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
        "head.safetensors",
        "normalisation.json",
    ]

    _, members = load_reward_members(modeling.load_base(reference), "reward", copy)

    (member,) = members
    assert (member.adapter, member.safety_head, member.normalisation) == ("reward", None, Normalisation(0.0, 1.0))


def test_callers_of_one_member_get_the_first(reference: BaseModelReference, written: Written) -> None:
    model, head, normalisation = load_reward_model(modeling.load_base(reference), "reward", written.directory)

    assert torch.equal(head.linear.weight, written.heads[0].linear.weight)
    assert normalisation == Normalisation(0.0, 1.0)
    assert list(model.peft_config) == ["reward"]


def _lose(name: str) -> Callable[[Path], None]:
    return lambda directory: (directory / name).unlink()


def _widen(directory: Path) -> None:
    path = directory / "head.safetensors"
    state = load_file(path)
    save_file({**state, "linear.weight": torch.zeros(1, 31)}, path)


def _other_keys(directory: Path) -> None:
    save_file({"score.weight": torch.zeros(1, 32)}, directory / "member-1" / "safety_head.safetensors")


def _no_safetensors(directory: Path) -> None:
    (directory / "head.safetensors").write_bytes(b"not at all")


def _lose_member(directory: Path) -> None:
    shutil.rmtree(directory / "member-1")


def _constant_scores(directory: Path) -> None:
    (directory / "member-2" / "normalisation.json").write_text(json.dumps({"mean": 0.1, "std": 0.0}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_lose("head.safetensors"), r"head.safetensors is missing.*train the reward model again"),
        (_lose("member-2/head.safetensors"), r"member-2/head.safetensors is missing"),
        (_lose("member-1/normalisation.json"), r"member-1/normalisation.json is missing"),
        (_widen, r"head.safetensors holds .*\(1, 31\).* wants .*\(1, 32\)"),
        (_other_keys, r"safety_head.safetensors holds .*score.weight.* wants .*linear.weight"),
        (_no_safetensors, r"head.safetensors is no safetensors file"),
        (_lose_member, r"holds 2 reward models, but member-1 is missing"),
        (_lose("member-1/safety_head.safetensors"), r"2 of 3 reward models have a safety head"),
        (_constant_scores, r"standard deviation is 0.0"),
    ],
)
def test_what_is_broken_is_refused(reference: BaseModelReference, copy: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(copy)

    with pytest.raises(ContractError, match=message):
        load_reward_members(modeling.load_base(reference), "reward", copy)


def test_members_come_to_the_scale_of_the_first() -> None:
    scores = torch.tensor([[1.0, 2.0], [10.0, 30.0]])

    scaled = on_first_scale(scores, [Normalisation(0.5, 2.0), Normalisation(20.0, 5.0)])

    # member 1: (10 - 20) / 5 = -2 deviations of 2 around 0.5, and +2
    assert scaled.tolist() == [[1.0, 2.0], [-3.5, 4.5]]
