"""Three PPO steps, twelve optimizer steps: every term of the objective at work, adaptive KL, micro-batches, evaluations."""

import math
from pathlib import Path

from tests.golden.golden import Series
from tests.unit.ppo.family import Silent, build_family, settings_of

SETTINGS = settings_of(
    learning_rate=2e-3,
    value_learning_rate=5e-3,
    entropy_coef=0.01,
    ptx_coef=0.2,
    max_tokens_per_micro_batch=220,
    max_grad_norm=0.3,
    kl_controller="adaptive",
    kl_target=0.05,
    kl_horizon=40,
    warmup_fraction=0.3,
    lr_scheduler_type="cosine",
    seed=7,
)
NAMES = (
    "objective/kl",
    "objective/kl_coef",
    "objective/entropy",
    "objective/scores",
    "objective/rlhf_reward",
    "policy/approxkl",
    "policy/clipfrac",
    "policy/grad_norm",
    "loss/policy",
    "loss/value",
    "loss/ptx",
    "val/ratio",
    "value/explained_variance",
    "value/grad_norm",
)


def run(directory: Path) -> Series:
    """Train and return what each step and each evaluation logged."""
    family = build_family(directory)
    trainer = family.trainer(SETTINGS)
    trainer.train(Silent())
    series = {name: [row[name] for row in trainer.history] for name in NAMES}
    series |= {name: [evaluation.metrics()[name] for evaluation in trainer.evaluations] for name in ("eval/scores", "eval/kl")}
    assert all(math.isfinite(value) for values in series.values() for value in values)
    return series
