"""Attune's PPO on the sample data, in a process of its own. Run by ``tests.benchmarks.ppo_learning``; reads what the peer reads."""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from components.ppo.config import PpoConfig
from components.ppo.players import Players
from components.ppo.prompts import PtxSource, QuerySource
from components.ppo.rewards import build_reward_source
from components.ppo.roles import POLICY, load_roles
from components.ppo.rollout import DecodingLoop, Sampling
from components.ppo.trainer import PpoTrainer, Prompts
from components.shared import checkpoints
from components.shared.modeling import load_tokenizer, save_adapter
from tests.benchmarks.ppo_learning_inputs import WAYS, contexts_of, latest_run, reference_of


def main() -> None:
    """Train one seed, keeping the policy on the way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("inputs", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--way", choices=list(WAYS), default="plain")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    arguments = parser.parse_args()
    given = json.loads((arguments.inputs / "settings.json").read_text(encoding="utf-8"))
    settings = settings_of(given, arguments.seed, WAYS[arguments.way])
    checkpoints.seed_everything(settings.seed)
    trainer = trainer_of(arguments.inputs, arguments.runs, settings)
    start = time.perf_counter()
    for step in range(1, settings.num_steps + 1):
        trainer.train_step()
        if step % given["keep_steps"] == 0:
            save_adapter(trainer.roles.model, POLICY, arguments.output / f"step-{step:04d}")
    print(json.dumps({"side": f"attune {arguments.way}", "seed": arguments.seed, "seconds": time.perf_counter() - start}))  # noqa: T201


def settings_of(given: dict[str, Any], seed: int, changes: dict[str, Any]) -> PpoConfig:
    """Return the stage's settings: those of the comparison that the stage knows, no evaluation on the way."""
    num_steps = given["total_episodes"] // given["rollout_batch_size"]
    shared = {name: value for name, value in given.items() if name in PpoConfig.model_fields}
    rest = {"warmup_fraction": given["warmup_steps"] / num_steps, "max_tokens_per_micro_batch": 2048, "seed": seed}
    return PpoConfig.parse({**shared, **rest, "eval_steps": 10**6, "save_steps": 10**6, "sample_steps": 10**6, **changes})


def trainer_of(inputs: Path, runs: Path, settings: PpoConfig) -> PpoTrainer:
    """Build the trainer as the stage does."""
    reference = reference_of(inputs)
    tokenizer = load_tokenizer(reference)
    roles = load_roles(reference, inputs / "sft", inputs / "reward", value_mode=settings.value_mode, dtype=settings.dtype)
    players = Players(roles, DecodingLoop(roles), build_reward_source(settings, roles, roles.members, tokenizer))
    conversations, others = contexts_of(latest_run(runs), ["train"])
    prompts = Prompts(
        queries=QuerySource([*conversations, *others], tokenizer, settings.max_prompt_length, seed=0),
        human=PtxSource(conversations, tokenizer, settings.max_ptx_length, settings.seed) if settings.ptx_coef > 0 else None,
        validation=[],
    )
    stops = frozenset({tokenizer.eos_token_id})
    sampling = Sampling(settings.max_completion_length, settings.temperature, stops, settings.generation_batch_size)
    return PpoTrainer(players, settings, prompts, sampling, None)


if __name__ == "__main__":
    main()
