"""Interpolated adapters: the update is the mean of the updates, not the product of mean factors, and it travels in PEFT's format."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file

from components.ppo.interpolation import check_interpolable, interpolate, interpolated_state
from components.shared.errors import ContractError
from components.shared.lora import LoraSettings
from components.shared.modeling import adapter_state, load_base, new_adapter, save_adapter, use_adapter
from tests.unit.ppo.family import Family, shake

IDS = torch.arange(5, 29).reshape(2, 12)
NO_DROPOUT: dict[str, Any] = {"lora_dropout": 0.0, "task_type": "CAUSAL_LM", "target_modules": ["q_proj", "down_proj"]}


def pair(family: Family, *, rank: int = 4, alpha: float = 8, policy_rank: int = 4, policy_alpha: float = 8) -> PeftModel:
    """A base with two adapters that share nothing."""
    torch.manual_seed(3)
    model = new_adapter(load_base(family.reference), "sft", LoraSettings(r=rank, alpha=alpha, dropout=0.1))
    shape = {"r": policy_rank, "lora_alpha": policy_alpha, "lora_dropout": 0.1, "target_modules": "all-linear"}
    model.add_adapter("policy", LoraConfig(**{**NO_DROPOUT, **shape}))
    for name in ("sft", "policy"):
        shake(model, name, 0.1)
    return model.eval()


@torch.no_grad()
def logits(model: Any) -> torch.Tensor:
    return model(input_ids=IDS, use_cache=False).logits


@torch.no_grad()
def by_hand(family: Family, states: dict[str, tuple[dict[str, torch.Tensor], float]], weights: dict[str, float]) -> torch.Tensor:
    """Logits of the base with ``W + sum_i weight_i scale_i B_i A_i`` written into its matrices."""
    base = load_base(family.reference)
    for name, (state, scale) in states.items():
        for key, factor in state.items():
            if key.endswith("lora_A.weight"):
                module = base.get_submodule(key.removeprefix("base_model.model.").removesuffix(".lora_A.weight"))
                module.weight += weights[name] * scale * state[key.replace("lora_A", "lora_B")] @ factor
    return logits(base)


@pytest.mark.parametrize("a", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(
    "shape",
    [{}, {"policy_rank": 2, "policy_alpha": 3}, {"rank": 3, "alpha": 5, "policy_rank": 7, "policy_alpha": 1}],
    ids=["equal", "other rank and alpha", "an alpha that is no whole number"],
)
def test_the_saved_adapter_is_the_base_with_the_mean_of_both_updates(
    family: Family, tmp_path: Path, shape: dict[str, int], a: float
) -> None:
    model = pair(family, **shape)
    scales = {name: model.peft_config[name].lora_alpha / model.peft_config[name].r for name in ("sft", "policy")}
    states = {name: (adapter_state(model, name), scales[name]) for name in ("sft", "policy")}
    interpolate(model, "sft", "policy", "between", a)
    save_adapter(model, "between", tmp_path)

    loaded = PeftModel.from_pretrained(load_base(family.reference), str(tmp_path)).eval()

    wanted = by_hand(family, states, {"sft": 1 - a, "policy": a})
    torch.testing.assert_close(logits(loaded), wanted, rtol=0, atol=1e-5)
    use_adapter(model, "between")
    assert torch.equal(logits(model), logits(loaded))
    for other in (1.0, 0.5) if a != 1.0 else (0.5,):
        assert not torch.allclose(wanted, by_hand(family, states, {"sft": 1 - other, "policy": other}), atol=1e-3), (
            "the test could not tell"
        )


@pytest.mark.parametrize(("a", "end"), [(0.0, "sft"), (1.0, "policy")])
def test_the_ends_are_copies(family: Family, tmp_path: Path, a: float, end: str) -> None:
    model = pair(family, policy_rank=2)
    interpolate(model, "sft", "policy", "between", a)
    for name in (end, "between"):
        save_adapter(model, name, tmp_path / name)
    for file in ("adapter_model.safetensors", "adapter_config.json"):
        assert (tmp_path / end / file).read_bytes() == (tmp_path / "between" / file).read_bytes()


@pytest.mark.parametrize("a", [0.0, 0.5, 1.0])
def test_there_is_no_dropout_in_train_mode(family: Family, a: float) -> None:
    model = pair(family)
    interpolate(model, "sft", "policy", "between", a)
    use_adapter(model, "between")
    quiet = logits(model.eval())
    assert torch.equal(logits(model.train()), quiet)
    use_adapter(model, "sft")
    assert not torch.equal(logits(model), logits(model)), "the adapters that it is made of keep theirs"


def test_one_name_serves_every_a_and_leaves_the_two_alone(family: Family, tmp_path: Path) -> None:
    model = pair(family)
    before = {name: adapter_state(model, name) for name in ("sft", "policy")}
    for a in (1.0, 0.25, 0.75, 0.25):
        interpolate(model, "sft", "policy", "between", a)
        assert model.active_adapter == "policy"
        assert not any(parameter.requires_grad for parameter in model.parameters())
        use_adapter(model, "between")
    once = pair(family)
    interpolate(once, "sft", "policy", "between", 0.25)
    use_adapter(once, "between")
    assert torch.equal(logits(model), logits(once))
    for name, state in before.items():
        now = adapter_state(model, name)
        assert state.keys() == now.keys()
        assert all(torch.equal(state[key], now[key]) for key in state)
    save_adapter(model, "between", tmp_path)
    assert {tensor.dtype for tensor in load_file(tmp_path / "adapter_model.safetensors").values()} == {torch.float32}
    assert model.peft_config["between"].r == 8


def test_the_factors_are_joined_and_only_b_is_weighted() -> None:
    sft = {"q.lora_A.weight": torch.tensor([[1.0, 2.0]]), "q.lora_B.weight": torch.tensor([[3.0], [5.0]])}
    policy = {"q.lora_A.weight": torch.tensor([[7.0, 11.0]]), "q.lora_B.weight": torch.tensor([[13.0], [17.0]])}
    state = interpolated_state(sft, policy, 0.25, sft_scale=2.0)
    assert state["q.lora_A.weight"].tolist() == [[1.0, 2.0], [7.0, 11.0]]
    assert state["q.lora_B.weight"].tolist() == [[4.5, 3.25], [7.5, 4.25]]


@pytest.mark.parametrize(
    "setting",
    [
        {"rank_pattern": {"q_proj": 2}},
        {"alpha_pattern": {"q_proj": 2}},
        {"use_rslora": True},
        {"use_dora": True},
        {"bias": "lora_only"},
        {"modules_to_save": ["lm_head"]},
    ],
    ids=lambda setting: next(iter(setting)),
)
def test_other_kinds_of_updates_are_refused(family: Family, setting: dict[str, Any]) -> None:
    model = get_peft_model(load_base(family.reference), LoraConfig(**NO_DROPOUT), adapter_name="sft")
    model.add_adapter("plain", LoraConfig(**NO_DROPOUT))
    check_interpolable(model, "sft", "plain")
    if "bias" in setting:  # PEFT refuses two adapters when one of them trains biases
        model = get_peft_model(load_base(family.reference), LoraConfig(**NO_DROPOUT, **setting), adapter_name="policy")
    else:
        model.add_adapter("policy", LoraConfig(**NO_DROPOUT, **setting))
    with pytest.raises(ContractError, match=rf"adapter policy has {next(iter(setting))}: .* set interpolation to \[1.0\]"):
        check_interpolable(model, "policy")


def test_other_layers_and_misuse_are_refused(family: Family) -> None:
    model = pair(family)
    model.add_adapter("fewer", LoraConfig(**NO_DROPOUT))
    with pytest.raises(ContractError, match="adapt different layers"):
        interpolate(model, "sft", "fewer", "between", 0.5)
    with pytest.raises(ContractError, match="is no LoRA factor"):
        interpolated_state({"q.bias": torch.ones(2)}, {"q.bias": torch.ones(2)}, 0.5)
    with pytest.raises(ValueError, match="one of the adapters"):
        interpolate(model, "sft", "policy", "sft", 0.5)
    with pytest.raises(ValueError, match="between the two"):
        interpolate(model, "sft", "policy", "between", 1.5)
