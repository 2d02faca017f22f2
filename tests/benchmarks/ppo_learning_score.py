"""One evaluator for policies of both sides: transformers' own sampling, plain forward passes, the reward stage's scoring (needs torch).

The KL of a reply is the sum over its positions of the KL divergence between the whole next-token distributions of policy and SFT policy,
nats; less noisy than the log-ratio of the sampled tokens, and its expectation is the same.
"""

import copy
import itertools
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from components.shared.modeling import copy_adapter, load_adapter, load_base, load_tokenizer, load_weights
from components.shared.reward_model import load_reward_model
from tests.benchmarks.ppo_learning_inputs import reference_of

EVALUATED = "evaluation.json"
SAMPLES = 4
"""Replies to each held-out prompt."""
BATCH = 96
POINTS = (0.25, 0.5, 0.75, 1.0)
"""Where the sides are compared: fractions of the KL that every run of every side reaches."""


class Evaluator:
    """SFT policy, reward model and one policy whose weights are exchanged, each merged into a copy of the base: they are small."""

    def __init__(self, inputs: Path) -> None:
        settings = json.loads((inputs / "settings.json").read_text(encoding="utf-8"))
        self._adapted = load_adapter(load_base(reference_of(inputs)), "sft", inputs / "sft")
        self._adapted, self._head, self._normalisation = load_reward_model(self._adapted, "reward", inputs / "reward")[:3]
        copy_adapter(self._adapted, "sft", "policy")
        self._sft, self._judge = self._merged("sft"), self._merged("reward")
        self._prompts: list[list[int]] = json.loads((inputs / "held_out.json").read_text(encoding="utf-8"))
        self._end = int(load_tokenizer(reference_of(inputs)).eos_token_id)
        self._length, self._temperature = settings["max_completion_length"], settings["temperature"]
        self.inputs = inputs

    def _merged(self, name: str) -> Any:
        return copy.deepcopy(self._adapted).merge_and_unload(adapter_names=[name]).eval()

    @torch.no_grad()
    def check_start(self, output: Path) -> dict[str, float]:
        """Compare the peer's logits and normalised scores before its training with this model's; return the largest differences."""
        probe, theirs = load_file(self.inputs / "probe.safetensors"), load_file(output / "probe.safetensors")
        ids = probe["input_ids"]
        scores = self._scores(ids, torch.full((len(ids),), ids.shape[1]))
        differences = {
            "logits": float((self._sft(input_ids=ids).logits - theirs["logits"]).abs().max()),
            "scores": float((scores - theirs["scores"]).abs().max()),
        }
        if max(differences.values()) > 1e-3:
            raise SystemExit(f"{output} did not start where Attune starts: {differences}")
        return differences

    @torch.no_grad()
    def _scores(self, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        states = self._judge.base_model(input_ids=ids, attention_mask=_real(ids, lengths), use_cache=False).last_hidden_state
        raw = self._head(states[torch.arange(len(ids)), lengths - 1])
        scores: torch.Tensor = (raw - self._normalisation.mean) / self._normalisation.std
        return scores

    def evaluate(self, checkpoint: Path | None) -> dict[str, float]:
        """Return mean score (normalised), KL, length and truncated fraction of a policy, kept beside it; None is the SFT policy."""
        directory = checkpoint or self.inputs / "sft"
        kept = directory / EVALUATED
        if kept.is_file():
            known: dict[str, float] = json.loads(kept.read_text(encoding="utf-8"))
            return known
        load_weights(self._adapted, "policy", directory)
        policy = self._merged("policy")
        torch.manual_seed(1234)
        totals = {"score": 0.0, "kl": 0.0, "length": 0.0, "truncated": 0.0}
        for start in range(0, len(self._prompts), BATCH):
            part = self._prompts[start : start + BATCH]
            for _ in range(SAMPLES):
                for name, value in self._batch(policy, part).items():
                    totals[name] += value / (SAMPLES * len(self._prompts))
        kept.write_text(json.dumps(totals), encoding="utf-8")
        return totals

    @torch.no_grad()
    def _batch(self, policy: Any, prompts: Sequence[list[int]]) -> dict[str, float]:
        width = max(map(len, prompts))
        ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts])
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        settings = {"do_sample": True, "temperature": self._temperature, "top_k": 0, "top_p": 1.0}
        sampled = policy.generate(
            input_ids=ids, attention_mask=mask, max_new_tokens=self._length, eos_token_id=self._end, pad_token_id=0, **settings
        )[:, width:]
        replies = [row[: row.index(self._end) + 1] if self._end in row else row[: self._length] for row in sampled.tolist()]
        rows = [prompt + reply for prompt, reply in zip(prompts, replies, strict=True)]
        lengths = torch.tensor([len(row) for row in rows])
        padded = torch.tensor([row + [0] * (int(lengths.max()) - len(row)) for row in rows])
        return {
            "score": float(self._scores(padded, lengths).sum()),
            "kl": self._divergence(policy, padded, torch.tensor([len(prompt) for prompt in prompts]), lengths),
            "length": float(sum(map(len, replies))),
            "truncated": float(sum(reply[-1] != self._end for reply in replies)),
        }

    def _divergence(self, policy: Any, ids: torch.Tensor, begins: torch.Tensor, ends: torch.Tensor) -> float:
        places = torch.arange(ids.shape[1])
        predicting = (places >= begins[:, None] - 1) & (places < ends[:, None] - 1)
        logs = []
        for model in (policy, self._sft):
            states = model.base_model(input_ids=ids, attention_mask=_real(ids, ends), use_cache=False).last_hidden_state[predicting]
            logs.append(torch.log_softmax(model.get_output_embeddings()(states) / self._temperature, -1))
        return float((logs[0].exp() * (logs[0] - logs[1])).sum())


def _real(ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    return (torch.arange(ids.shape[1]) < lengths[:, None]).long()


def compare(inputs: Path, outputs: Mapping[str, Sequence[Path]]) -> dict[str, Any]:
    """Evaluate every kept policy of every run and interpolate the scores to equal KL.

    Args:
        inputs: what ``prepare`` wrote.
        outputs: the folders of each arm's runs, one a seed.
    """
    evaluator = Evaluator(inputs)
    start = evaluator.evaluate(None)
    curves: dict[str, list[list[dict[str, float]]]] = {}
    checks = {}
    for arm, folders in outputs.items():
        curves[arm] = []
        for folder in folders:
            if (folder / "probe.safetensors").is_file():
                checks[folder.name] = evaluator.check_start(folder)
            kept = sorted(folder.glob("step-*"))
            curves[arm].append([start, *({"step": float(path.name[5:]), **evaluator.evaluate(path)} for path in kept)])
    reached = min(max(point["kl"] for point in curve) for runs in curves.values() for curve in runs)
    grid = [fraction * reached for fraction in POINTS]
    equal = {arm: [[score_at(curve, kl) for kl in grid] for curve in runs] for arm, runs in curves.items()}
    return {"start": start, "start_differences": checks, "curves": curves, "kl": grid, "score_at_kl": equal}


def score_at(curve: Sequence[Mapping[str, float]], kl: float) -> float:
    """Return the score where the run first reaches a KL, linear between the kept policies on both sides of it."""
    for before, after in itertools.pairwise(curve):
        if before["kl"] <= kl <= after["kl"]:
            share = (kl - before["kl"]) / (after["kl"] - before["kl"]) if after["kl"] > before["kl"] else 1.0
            return before["score"] + share * (after["score"] - before["score"])
    raise ValueError(f"the run reaches {max(point['kl'] for point in curve):.3f} nats, not {kl:.3f}")


def lines(result: Mapping[str, Any]) -> list[str]:
    """Return the tables as lines: score at equal KL, and score and KL at the end."""
    table = [f"SFT policy: score {result['start']['score']:.3f}, {result['start']['length']:.1f} tokens, largest differences at the start:"]
    table += [f"  {name}: logits {row['logits']:.1e}, scores {row['scores']:.1e}" for name, row in result["start_differences"].items()]
    table.append(f"{'score at a KL of, nats':24s}" + "".join(f"{kl:>18.2f}" for kl in result["kl"]))
    for arm, runs in result["score_at_kl"].items():
        columns = [spread([run[place] for run in runs]) for place in range(len(result["kl"]))]
        table.append(f"{arm:24s}" + "".join(column.rjust(18) for column in columns))
    table.append(f"{'at the end':24s}{'score':>18s}{'KL':>18s}{'tokens':>18s}{'truncated':>18s}")
    for arm, runs in result["curves"].items():
        ends = [run[-1] for run in runs]
        columns = [spread([end[name] for end in ends]) for name in ("score", "kl", "length", "truncated")]
        table.append(f"{arm:24s}" + "".join(column.rjust(18) for column in columns))
    return table


def spread(values: Sequence[float]) -> str:
    """Return mean and standard deviation over the seeds."""
    return f"{statistics.fmean(values):.3f} +- {statistics.stdev(values):.3f}" if len(values) > 1 else f"{values[0]:.3f}"
