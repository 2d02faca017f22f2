"""Prepares the learning comparison: what both sides read, from a finished local run (``make run``).

Writes below one folder: ``base``, ``sft``, ``reward`` (as the stages wrote them), ``classifier`` and ``head.safetensors`` (the reward model
merged into a copy of the base, its head with the scores' normalisation folded in), ``prompts.json`` (the training prompts of the whole
budget as token ids), ``held_out.json``, ``probe.safetensors`` (token ids for the check that both start alike), ``settings.json``.
"""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import AutoModelForSequenceClassification

from components.ppo.prompts import Context, QuerySource, conversation_contexts, preference_contexts
from components.shared.base_model import BaseModelReference, directory_digest
from components.shared.canaries import is_canary
from components.shared.chat import end_of_turn_ids
from components.shared.dataset_splits import DatasetSplit
from components.shared.modeling import load_adapter, load_base, load_tokenizer, use_adapter
from components.shared.reward_model import load_reward_model

SETTINGS: dict[str, Any] = {
    "total_episodes": 768,
    "rollout_batch_size": 32,
    "mini_batch_size": 16,
    "num_ppo_epochs": 2,
    "max_prompt_length": 96,
    "max_completion_length": 32,
    "temperature": 1.0,
    "learning_rate": 3e-4,
    "value_learning_rate": 1e-3,
    "peer_value_learning_rate": 1e-4,
    "warmup_steps": 2,
    "kl_coef": 0.05,
    "missing_eos_penalty": 1.0,
    "keep_steps": 4,
    "num_held_out": 192,
}
"""Those of ``pipelines/profiles/local.yaml``, with a larger budget of shorter episodes. TRL trains all weights of its value model, so
that gets a tenth of the rate of Attune's value adapter (Schulman et al. 2025, LoRA Without Regret)."""

PLAIN: dict[str, Any] = {"entropy_coef": 0.0, "ptx_coef": 0.0, "target_kl": 0.0}
"""What TRL lacks, switched off."""
WAYS: dict[str, dict[str, Any]] = {
    "plain": PLAIN,
    "shared_trunk": {**PLAIN, "value_mode": "shared_trunk"},
    "composite": {"ptx_batch_size": 4, "max_ptx_length": 256},
}
"""Ways to train: with TRL's objective, the same with the shared trunk, and with Attune's defaults (entropy bonus, ptx, target_kl)."""


def latest_run(runs: Path) -> Path:
    """Return the newest local run with a reward model.

    Raises:
        SystemExit: there is none.
    """
    found = sorted(runs.glob("pipeline/*/reward/reward_model/manifest.json"))
    if not found:
        raise SystemExit(f"{runs} holds no run with a reward model; make one with `make run`, or name another folder with --runs")
    return found[-1].parents[2]


def prepare(run: Path, inputs: Path, changes: dict[str, Any]) -> dict[str, Any]:
    """Write everything below ``inputs`` and return the settings."""
    settings = {**SETTINGS, **changes}
    tiny = BaseModelReference(uri="builtin:tiny", revision="local", digest="")
    shutil.rmtree(inputs, ignore_errors=True)
    shutil.copytree(tiny.location, inputs / "base", ignore=shutil.ignore_patterns("*.py", "*.md", "grammar", "__pycache__"))
    for name, place in (("sft", "sft/adapter"), ("reward", "reward/reward_model")):
        shutil.copytree(run / place, inputs / name)
    tokenizer = load_tokenizer(reference_of(inputs))
    stops = set(end_of_turn_ids(tokenizer))
    if stops != {tokenizer.eos_token_id}:
        raise SystemExit(
            f"replies end with {sorted(stops)}; TRL knows one end token, {tokenizer.eos_token_id}, and both sides need the same"
        )
    longest = settings["max_prompt_length"]
    rows = queries_of(run, ["train"], tokenizer, longest, settings["total_episodes"])
    held_out = queries_of(run, ["validation", "test"], tokenizer, longest, settings["num_held_out"])
    (inputs / "prompts.json").write_text(json.dumps(rows), encoding="utf-8")
    (inputs / "held_out.json").write_text(json.dumps(held_out), encoding="utf-8")
    probes = [ids[:24] for ids in rows if len(ids) >= 24][:8]
    save_file({"input_ids": torch.tensor(probes)}, inputs / "probe.safetensors")
    (inputs / "settings.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
    merge(inputs)
    return settings


def reference_of(inputs: Path) -> BaseModelReference:
    """Return the reference of the copied base."""
    base = (inputs / "base").absolute()
    return BaseModelReference(uri=f"file://{base}", revision="local", digest=directory_digest(base))


def contexts_of(run: Path, splits: list[str]) -> tuple[list[Context], list[Context]]:
    """Return the contexts of some splits, as the ppo stage finds them: those of conversations and those of preference pairs."""
    conversations: list[Context] = []
    preferences: list[Context] = []
    for name in splits:
        split = DatasetSplit(SimpleNamespace(path=str(run / "split" / name), metadata={}))
        conversations += conversation_contexts((row for row in split.conversations() if not is_canary(row)), every_turn=True)
        preferences += preference_contexts(split.preferences())
    return conversations, preferences


def queries_of(run: Path, splits: list[str], tokenizer: Any, max_prompt_length: int, count: int) -> list[list[int]]:
    """Return token ids of the first prompts in the order in which the trainer would draw them."""
    conversations, preferences = contexts_of(run, splits)
    drawn = QuerySource([*conversations, *preferences], tokenizer, max_prompt_length, seed=0).draw(count)
    return [query.input_ids for query in drawn]


def merge(inputs: Path) -> None:
    """Write the reward model as a sequence classifier without adapter; the head apart, because the library's has no bias."""
    model = load_adapter(load_base(reference_of(inputs)), "sft", inputs / "sft")
    model, head, normalisation = load_reward_model(model, "reward", inputs / "reward")[:3]
    use_adapter(model, "reward")
    backbone = model.merge_and_unload(adapter_names=["reward"]).base_model
    classifier = AutoModelForSequenceClassification.from_pretrained(str(inputs / "base"), num_labels=1, dtype=torch.float32)
    classifier.model.load_state_dict(backbone.state_dict())
    classifier.save_pretrained(str(inputs / "classifier"))
    weight, bias = head.linear.weight.detach().cpu(), head.linear.bias.detach().cpu()
    folded = {"weight": weight / normalisation.std, "bias": (bias - normalisation.mean) / normalisation.std}
    save_file({name: tensor.contiguous() for name, tensor in folded.items()}, inputs / "head.safetensors")
