"""Attune's PPO at a given model shape, in a process of its own: prints one JSON line. Run by ``tests.benchmarks.ppo``.

The same settings as the peer's: one mini-batch an epoch in four micro-batches, temperature 0.7, learning rate 1e-5 without warmup, fixed KL
coefficient, no ptx and no entropy term, LoRA on all linear layers. Three more updates follow the timed ones: one counted by hooks, one
counted by torch, one profiled.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from components.ppo.config import PpoConfig
from components.ppo.players import Players
from components.ppo.prompts import Query
from components.ppo.rewards import build_reward_source
from components.ppo.roles import Roles, load_roles
from components.ppo.rollout import DecodingLoop, Sampling
from components.ppo.trainer import PpoTrainer, Prompts
from tests.benchmarks import ppo_operations
from tests.benchmarks.ppo_family import END, reference_of
from tests.benchmarks.ppo_measure import (
    Memory,
    TokenCounter,
    cores,
    executed_operations,
    product_rate,
    profiled,
    synchronize,
    threads,
)
from tests.benchmarks.ppo_operations import Shape

NEVER = 10**6


class RandomQueries:
    """Stands where conversations would: queries of random tokens from a seed."""

    class Position:
        """What a checkpoint would keep."""

        position = 0

    def __init__(self, shape: Shape) -> None:
        self.cycle = self.Position()
        self._shape = shape
        self._generator = torch.Generator().manual_seed(0)

    def draw(self, count: int) -> list[Query]:
        """Return the next queries."""
        size = (self._shape.prompt,)
        return [Query("random", torch.randint(4, self._shape.vocab, size, generator=self._generator).tolist()) for _ in range(count)]


def main() -> None:
    """Train for a few updates and print the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, help="what ppo_family wrote")
    parser.add_argument("--shape", required=True, help="the fields of ppo_operations.Shape as JSON")
    parser.add_argument("--updates", type=int, default=3, help="timed; the first warms up")
    parser.add_argument("--times-only", action="store_true", help="no counts, no profile: they cost three further updates")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings of the ppo stage")
    arguments = parser.parse_args()
    memory = Memory()
    shape = Shape(**json.loads(arguments.shape))
    settings = settings_of(shape, arguments.updates + 3, dict(item.split("=", 1) for item in arguments.set))
    trainer = trainer_of(arguments.directory, shape, settings)
    print(json.dumps(measure(trainer, shape, settings, arguments.updates, memory, counts=not arguments.times_only)))  # noqa: T201


def settings_of(shape: Shape, updates: int, changes: dict[str, Any]) -> PpoConfig:
    """Return the peer's settings, as far as the two have the same."""
    same = {
        "total_episodes": shape.batch * updates,
        "rollout_batch_size": shape.batch,
        "mini_batch_size": shape.batch,
        "num_ppo_epochs": shape.epochs,
        "max_tokens_per_micro_batch": shape.micro_batch_tokens,
        "generation_batch_size": shape.batch,
        "max_prompt_length": shape.prompt,
        "max_completion_length": shape.response,
        "max_ptx_length": 16,
        "temperature": 0.7,
        "learning_rate": 1e-5,
        "value_learning_rate": 1e-5,
        "warmup_fraction": 0.0,
        "entropy_coef": 0.0,
        "ptx_coef": 0.0,
        "target_kl": 0.0,
        "reward_normalization": "none",
        "eval_steps": NEVER,
        "save_steps": NEVER,
        "sample_steps": NEVER,
    }
    return PpoConfig.parse({**same, **changes})


def trainer_of(directory: Path, shape: Shape, settings: PpoConfig) -> PpoTrainer:
    """Load the models as the stage does and build the trainer."""
    torch.manual_seed(0)
    roles = load_roles(
        reference_of(directory),
        directory / "sft",
        directory / "reward",
        value_mode=settings.value_mode,
        dtype=settings.dtype,
        value_layers=settings.value_layers,
    )
    players = Players(roles, DecodingLoop(roles), build_reward_source(settings, roles, roles.members, None))
    sampling = Sampling(shape.response, settings.temperature, frozenset({END}), settings.generation_batch_size)
    prompts = Prompts(queries=RandomQueries(shape), human=None, validation=[])  # type: ignore[arg-type]
    return PpoTrainer(players, settings, prompts, sampling, None)


def measure(trainer: PpoTrainer, shape: Shape, settings: PpoConfig, updates: int, memory: Memory, *, counts: bool) -> dict[str, Any]:
    """Time the updates, then, with ``counts``, count and profile three further ones."""
    steps, phases = [], []
    for _ in range(updates):
        synchronize()
        start = time.perf_counter()
        metrics = trainer.train_step()
        synchronize()
        steps.append(time.perf_counter() - start)
        phases.append({name: metrics[f"timing/{name}_seconds"] for name in ("rollout", "scoring", "update")})
    peak = memory.peak_mib()
    timed = slice(1, updates) if updates > 1 else slice(0, 1)
    seconds = statistics.median(steps[timed])
    medians = {name: statistics.median(phase[name] for phase in phases[timed]) for name in phases[0]}
    return {
        "side": "attune",
        "seconds": seconds,
        "updates": steps,
        "episodes_per_second": shape.batch / seconds,
        "tokens_per_second": shape.batch * shape.response / seconds,
        "peak_mib": peak,
        "phases": medians,
        **(counted(trainer, shape, settings) if counts else {}),
        **efficiency(shape, settings, medians["update"], base_dtype(trainer.roles)),
        "threads": threads(),
        "cores": cores(),
        "torch": torch.__version__,
    }


def counted(trainer: PpoTrainer, shape: Shape, settings: PpoConfig) -> dict[str, Any]:
    """Run an update under hooks, one under torch's counter of operations (its update phase), one under the profiler (the same)."""
    counter = TokenCounter({"base": trainer.roles.model.get_base_model().base_model.layers[0]})
    sample = trainer.sample

    def sampling(*args: Any) -> Any:
        counter.sampling = True
        replies = sample(*args)
        counter.sampling = False
        return replies

    trainer.sample = sampling  # type: ignore[method-assign]
    with counter.counting():
        trainer.train_step()
    trainer.sample = sample  # type: ignore[method-assign]
    executed: list[float] = []
    profile: dict[str, float] = {}
    update = trainer.update

    def under_counter(*args: Any) -> Any:
        results: list[Any] = []
        executed.append(executed_operations(lambda: results.append(update(*args))))
        return results[0]

    def under_profiler(*args: Any) -> Any:
        with profiled(profile):
            return update(*args)

    for watched in (under_counter, under_profiler):
        trainer.update = watched  # type: ignore[method-assign]
        trainer.train_step()
    return {
        "passes": counter.passes(shape.tokens),
        "plan": ppo_operations.plan(
            shape, settings.value_mode, recompute=not trainer.keeps_logprobs, value_share=value_share(shape, settings)
        ),
        "executed_update_operations": executed[0],
        "profile_update_seconds": profile,
    }


def base_dtype(roles: Roles) -> torch.dtype:
    """Return the type of the base's weights."""
    return next(parameter.dtype for name, parameter in roles.model.named_parameters() if "lora_" not in name)


def efficiency(shape: Shape, settings: PpoConfig, update_seconds: float, dtype: torch.dtype) -> dict[str, Any]:
    """Compare the update phase with the matrix-product rate of this process."""
    needed = ppo_operations.update(shape, settings.value_mode, value_share(shape, settings))
    plain = ppo_operations.update_plain(shape, settings.value_mode, value_share(shape, settings))
    rates = {str(kind).removeprefix("torch."): product_rate(ppo_operations.products(shape), kind) for kind in _rated(dtype)}
    rate = rates[str(dtype).removeprefix("torch.")]["rate"]
    return {
        "dtype": str(dtype).removeprefix("torch."),
        "update_operations": needed,
        "update_operations_plain": plain,
        "product_rates": rates,
        "update_efficiency": needed / update_seconds / rate,
        "update_efficiency_plain": plain / update_seconds / rate,
    }


def value_share(shape: Shape, settings: PpoConfig) -> float:
    """Return the share of the layers that a pass of the value adapter goes through."""
    return (settings.value_layers or shape.layers) / shape.layers


def _rated(dtype: torch.dtype) -> list[torch.dtype]:
    return [torch.float32] if dtype == torch.float32 else [torch.float32, dtype]


if __name__ == "__main__":
    main()
