"""Adapters on one base: what is trained, what is frozen, what reaches the disk and comes back."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from components.shared import modeling
from components.shared.errors import ContractError
from components.shared.lora import LoraSettings
from tests.stage_inputs import ROOT
from tests.tiny_model import build_tiny_model, reference_of

LORA = LoraSettings(r=4, alpha=8)
IDS = torch.tensor([[5, 6, 7, 8, 9, 10]])


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def model(directory: Path) -> PeftModel:
    torch.manual_seed(0)
    model = modeling.new_adapter(modeling.load_base(reference_of(directory)), "sft", LORA)
    randomize(model, "sft")
    return model


def randomize(model: PeftModel, name: str) -> None:
    with torch.no_grad():
        for _, parameter in modeling.adapter_parameters(model, name):
            parameter.normal_(std=0.2)


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        result: torch.Tensor = model(IDS).logits
    return result


def trainable(model: PeftModel) -> set[str]:
    return {key for key, parameter in model.named_parameters() if parameter.requires_grad}


def test_a_new_adapter_changes_nothing_yet(directory: Path) -> None:
    base = logits(AutoModelForCausalLM.from_pretrained(directory))

    torch.testing.assert_close(logits(modeling.new_adapter(modeling.load_base(reference_of(directory)), "sft", LORA)), base)


def test_every_linear_layer_gets_an_adapter_but_not_the_head(model: PeftModel) -> None:
    modules = {key.split(".lora_")[0].removeprefix("base_model.model.model.") for key, _ in modeling.adapter_parameters(model, "sft")}
    names = (
        "self_attn.q_proj",
        "self_attn.k_proj",
        "self_attn.v_proj",
        "self_attn.o_proj",
        "mlp.gate_proj",
        "mlp.up_proj",
        "mlp.down_proj",
    )

    assert modules == {f"layers.{layer}.{name}" for layer in (0, 1) for name in names}


def test_counts(model: PeftModel, directory: Path) -> None:
    base = sum(parameter.numel() for parameter in AutoModelForCausalLM.from_pretrained(directory).parameters())

    # r (in + out): q, o 32+32; k, v 32+16; gate, up, down 32+64; two layers
    assert modeling.parameter_counts(model, "sft") == (2 * 4 * (2 * 64 + 2 * 48 + 3 * 96), base)
    modeling.copy_adapter(model, "sft", "policy")
    assert modeling.parameter_counts(model, "sft") == (4096, base)


def test_a_saved_adapter_comes_back_with_equal_logits_anywhere(model: PeftModel, directory: Path, tmp_path: Path) -> None:
    expected = logits(model)
    modeling.save_adapter(model, "sft", tmp_path)

    ours = modeling.load_adapter(modeling.load_base(reference_of(directory)), "policy", tmp_path)
    pefts = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(directory), str(tmp_path))

    assert not torch.allclose(logits(AutoModelForCausalLM.from_pretrained(directory)), expected, atol=1e-2)
    assert torch.equal(logits(ours), expected)
    assert torch.equal(logits(pefts), expected)
    assert trainable(ours) == set()


def test_a_second_adapter_leaves_the_active_one_alone(model: PeftModel, directory: Path, tmp_path: Path) -> None:
    modeling.save_adapter(model, "sft", tmp_path)
    fresh = modeling.new_adapter(modeling.load_base(reference_of(directory)), "first", LORA)
    before = logits(fresh)

    modeling.load_adapter(fresh, "second", tmp_path)

    assert fresh.active_adapter == "first"
    assert torch.equal(logits(fresh), before)
    assert {key for key in trainable(fresh) if ".second." in key} == set()
    modeling.use_adapter(fresh, "second")
    assert torch.equal(logits(fresh), logits(model))


def test_a_copy_is_equal_and_independent(model: PeftModel) -> None:
    expected = logits(model)
    modeling.copy_adapter(model, "sft", "policy")

    modeling.use_adapter(model, "policy")
    assert torch.equal(logits(model), expected)
    randomize(model, "policy")
    assert not torch.allclose(logits(model), expected, atol=1e-2)
    modeling.use_adapter(model, "sft")
    assert torch.equal(logits(model), expected)
    assert model.peft_config["sft"] is not model.peft_config["policy"]


def test_only_the_named_adapter_is_trainable(model: PeftModel) -> None:
    modeling.copy_adapter(model, "sft", "policy")
    policy = {key for key, _ in modeling.adapter_parameters(model, "policy")}

    for name, expected in (("policy", policy), ("sft", {key.replace(".policy.", ".sft.") for key in policy})):
        modeling.use_adapter(model, name, trainable=True)
        assert trainable(model) == expected
        modeling.use_adapter(model, name)
        assert trainable(model) == set()


def test_names_that_are_parts_of_one_another_are_kept_apart(model: PeftModel) -> None:
    modeling.copy_adapter(model, "sft", "sft2")
    modeling.copy_adapter(model, "sft", "proj")  # also a part of module names

    assert {key.rsplit(".", 2)[1] for key, _ in modeling.adapter_parameters(model, "sft")} == {"sft"}
    assert len(list(modeling.adapter_parameters(model, "proj"))) == len(list(modeling.adapter_parameters(model, "sft"))) == 28


def test_gradients_reach_the_trained_adapter_alone(model: PeftModel) -> None:
    modeling.copy_adapter(model, "sft", "policy")
    modeling.use_adapter(model, "policy", trainable=True)

    model(IDS).logits.square().mean().backward()

    with_gradient = {key for key, parameter in model.named_parameters() if parameter.grad is not None and parameter.grad.norm() > 0}
    assert with_gradient == {key for key, _ in modeling.adapter_parameters(model, "policy")}


def test_adapters_are_fp32_on_a_bf16_base_and_lose_no_bit_on_the_way(model: PeftModel, directory: Path, tmp_path: Path) -> None:
    modeling.save_adapter(model, "sft", tmp_path)
    half = modeling.load_base(reference_of(directory)).to(torch.bfloat16)

    loaded = modeling.load_adapter(half, "sft", tmp_path)
    modeling.load_adapter(loaded, "reward", tmp_path)
    modeling.copy_adapter(loaded, "sft", "policy")

    for name in ("sft", "reward", "policy"):
        assert {parameter.dtype for _, parameter in modeling.adapter_parameters(loaded, name)} == {torch.float32}
        stored, state = load_file(tmp_path / modeling.WEIGHTS_FILE), modeling.adapter_state(loaded, name)
        assert stored.keys() == state.keys()
        assert all(torch.equal(stored[key], state[key]) for key in stored)


def test_an_adapter_of_another_shape_or_of_more_layers_is_refused(model: PeftModel, tmp_path: Path) -> None:
    modeling.save_adapter(model, "sft", tmp_path / "adapter")
    wide = reference_of(build_tiny_model(tmp_path / "wide", hidden=64))
    shallow = reference_of(build_tiny_model(tmp_path / "shallow", layers=1))

    for reference in (wide, shallow):
        with pytest.raises(ContractError, match="do not fit the base model"):
            modeling.load_adapter(modeling.load_base(reference), "sft", tmp_path / "adapter")


SAVE = """
import sys, torch
from pathlib import Path
from components.shared import modeling
from components.shared.lora import LoraSettings
from tests.tiny_model import reference_of
torch.manual_seed(0)
model = modeling.new_adapter(modeling.load_base(reference_of(Path(sys.argv[1]))), "sft", LoraSettings(r=4))
modeling.save_adapter(model, "sft", Path(sys.argv[2]))
"""


def test_equal_adapters_are_equal_bytes_in_every_process(directory: Path, tmp_path: Path) -> None:
    """PEFT writes module names in the order of a set of strings, which differs from process to process."""
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        subprocess.run([sys.executable, "-c", SAVE, str(directory), str(tmp_path / seed)], env=environment, check=True)

    for name in (modeling.WEIGHTS_FILE, "adapter_config.json"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()
    settings = json.loads((tmp_path / "1" / "adapter_config.json").read_text())
    assert str(directory) not in json.dumps(settings)
    assert (settings["r"], settings["inference_mode"]) == (4, True)


def test_the_last_hidden_state_is_what_the_vocabulary_projection_sees(model: PeftModel) -> None:
    with torch.no_grad():
        states = modeling.last_hidden(model, IDS, torch.ones_like(IDS))
        projected = model.get_base_model().lm_head(states)

    torch.testing.assert_close(projected, logits(model))


def test_a_tokenizer_without_pad_token_pads_with_eos(tmp_path: Path) -> None:
    build_tiny_model(tmp_path)
    path = tmp_path / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    settings.pop("pad_token")
    path.write_text(json.dumps(settings))

    tokenizer = modeling.load_tokenizer(reference_of(tmp_path))

    assert tokenizer.pad_token_id == tokenizer.eos_token_id == 4
