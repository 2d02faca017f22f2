"""Proximal policy optimisation of a LoRA policy against a reward model on one shared base (needs torch).

Legend: B replies of a rollout batch, R tokens of the longest of them. One step:

1. draw B queries;
2. sample a reply to each from the policy;
3. score them: old log-probabilities, reference log-probabilities, values, rewards;
4. reward per token: the shaped score at the end, less ``kl_coef`` times the KL to the reference at each token;
5. advantages and returns by GAE; whiten the advantages over the whole batch;
6. ``num_ppo_epochs`` times, in mini-batches: one optimizer step on the composite objective (``update.step``);
7. correct ``kl_coef``.

All randomness of a step comes from a generator seeded by (seed, step), so a step that was abandoned can be repeated exactly.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from components.ppo.advantages import explained_variance, generalized_advantages, shaped_scores, token_rewards, whiten
from components.ppo.batches import MicroBatch, Reply, Scored, collate, plan_micro_batches, response_mask
from components.ppo.config import PpoConfig
from components.ppo.controllers import KlController, learning_rate_factor
from components.ppo.evaluation import Evaluation, evaluate
from components.ppo.losses import kl_estimate
from components.ppo.prompts import PtxSource, Query, QuerySource
from components.ppo.roles import POLICY, Roles
from components.ppo.rollout import Sampling, generate
from components.ppo.scoring import score
from components.ppo.update import Statistics, Targets, new_optimizer, set_learning_rates, step
from components.shared import checkpoints, shutdown
from components.shared.errors import Interrupted
from components.shared.modeling import use_adapter
from components.shared.progress import progress

_logger = logging.getLogger(__name__)
Report = Callable[[dict[str, float], int], None]
EVALUATION = 1_000_002
"""Stands for the step in the seed of evaluations; no run has so many steps."""


@dataclass(frozen=True)
class Prompts:
    """Where a run's text comes from.

    Attributes:
        queries: training prompts.
        human: conversations for the ptx term, or None when it is off.
        validation: prompts of every evaluation.
    """

    queries: QuerySource
    human: PtxSource | None
    validation: Sequence[Query]


@dataclass
class _Clock:
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started

    def metrics(self) -> dict[str, float]:
        return {f"timing/{name}_seconds": seconds for name, seconds in self.seconds.items()}


class PpoTrainer:
    """Owns everything that changes while PPO runs, and can save and restore all of it."""

    def __init__(self, roles: Roles, settings: PpoConfig, prompts: Prompts, sampling: Sampling, directory: Path | None) -> None:
        """Start fresh, or from the checkpoint in ``directory`` if there is one.

        Args:
            roles: the model with its adapters.
            settings: the run's settings.
            prompts: where text comes from.
            sampling: how replies are drawn.
            directory: of the checkpoints; None where a killed run cannot be continued.
        """
        self.roles, self.settings, self.prompts, self.sampling = roles, settings, prompts, sampling
        self.optimizer = new_optimizer(roles, settings)
        self.kl_controller = KlController(settings.kl_coef, settings.kl_controller == "adaptive", settings.kl_target, settings.kl_horizon)
        self.steps_done = 0
        self.history: list[dict[str, float]] = []
        self.evaluations: list[Evaluation] = []
        self._directory = directory
        state = checkpoints.load_state(directory)
        if state is not None:
            self._restore(state)

    def train(self, report: Report) -> None:
        """Run to the end of the schedule.

        Args:
            report: receives the metrics of each step and evaluation with their step; those of steps before a resumption come first.

        Raises:
            Interrupted: a stop was asked for and a checkpoint is written.
        """
        for number, metrics in enumerate(self.history):
            report(metrics, number)
        for evaluation in self.evaluations:
            report(evaluation.metrics(), evaluation.step)
        with progress("ppo", self.settings.num_steps, self.steps_done) as bar:
            while True:
                self._evaluate_if_due(report)
                if self.steps_done == self.settings.num_steps:
                    return
                metrics = self.train_step()
                report(metrics, self.steps_done - 1)
                bar.advance(score=metrics["objective/scores"], kl=metrics["objective/kl"])
                if self.steps_done % self.settings.save_steps == 0:
                    self.save()

    def train_step(self) -> dict[str, float]:
        """Take one PPO step (the numbered algorithm above) and return its metrics."""
        settings, clock = self.settings, _Clock()
        generator = torch.Generator().manual_seed(_mixed(settings.seed, self.steps_done))
        with self._repeatable():
            with clock.phase("rollout"):
                queries = self.prompts.queries.draw(settings.rollout_batch_size)
                replies = self.sample(queries, _mixed(settings.seed, self.steps_done))
            with clock.phase("scoring"):
                first_epoch = self.mini_batches(replies, generator)
                scored = score(self.roles, [batch for mini_batch in first_epoch for batch in mini_batch], settings.temperature)
        mask = response_mask(replies, self.roles.device)
        targets, metrics = self.targets(replies, scored, mask)
        with clock.phase("update"):
            metrics |= self.update(replies, first_epoch, targets, generator)
        self.kl_controller.update(metrics["objective/kl"], len(replies))
        self.steps_done += 1
        self.history.append(metrics | clock.metrics())
        return self.history[-1]

    def sample(self, queries: Sequence[Query], seed: int) -> list[Reply]:
        """Sample replies from the policy."""
        use_adapter(self.roles.model, POLICY)
        return generate(self.roles, queries, self.sampling, torch.Generator(self.roles.device).manual_seed(seed))

    def mini_batches(self, replies: Sequence[Reply], generator: torch.Generator) -> list[list[MicroBatch]]:
        """Shuffle the rollout batch into mini-batches, each cut into micro-batches of similar length."""
        lengths = [len(reply) for reply in replies]
        order = torch.randperm(len(replies), generator=generator).tolist()
        size = self.settings.mini_batch_size
        return [
            [
                collate(replies, rows, self.roles.device)
                for rows in plan_micro_batches(lengths, order[start : start + size], self.settings.max_tokens_per_micro_batch)
            ]
            for start in range(0, len(order), size)
        ]

    def targets(self, replies: Sequence[Reply], scored: Scored, mask: torch.Tensor) -> tuple[Targets, dict[str, float]]:
        """Turn scores into advantages and returns; also return the metrics of the rollout batch."""
        settings, normalisation = self.settings, self.roles.normalisation
        truncated = torch.tensor([reply.truncated for reply in replies], device=mask.device)
        shaped = shaped_scores(
            scored.scores,
            truncated,
            mean=normalisation.mean if settings.reward_normalization else 0.0,
            std=normalisation.std if settings.reward_normalization else 1.0,
            clip_range=settings.reward_clip_range,
            missing_eos_penalty=settings.missing_eos_penalty,
        )
        kl = kl_estimate(scored.old_logprobs, scored.ref_logprobs, settings.kl_estimator) * mask
        rewards = token_rewards(shaped, kl, mask, self.kl_controller.kl_coef)
        advantages, returns = generalized_advantages(rewards, scored.values, mask, settings.gamma, settings.lam)
        num_tokens = float(mask.sum())
        metrics = {
            "objective/kl": float((scored.old_logprobs - scored.ref_logprobs).sum(1).mean()),
            "objective/kl_coef": self.kl_controller.kl_coef,
            "objective/entropy": float(scored.entropies.sum()) / num_tokens,
            "objective/scores": float(scored.scores.mean()),
            "objective/rlhf_reward": float(rewards.sum(1).mean()),
            "objective/response_length": num_tokens / len(replies),
            "objective/truncated_fraction": float(truncated.float().mean()),
            "value/explained_variance": explained_variance(scored.values, returns, mask),
        }
        return Targets(scored, whiten(advantages, mask) if settings.whiten_advantages else advantages, returns), metrics

    def update(
        self, replies: Sequence[Reply], first_epoch: list[list[MicroBatch]], targets: Targets, generator: torch.Generator
    ) -> Statistics:
        """Run the optimizer steps of one rollout batch and return the means of their statistics."""
        settings = self.settings
        factor = learning_rate_factor(self.steps_done, settings.num_steps, settings.warmup_fraction, settings.lr_scheduler_type)
        set_learning_rates(self.optimizer, settings, factor)
        taken: list[Statistics] = []
        stopped = False
        for epoch in range(settings.num_ppo_epochs):
            for mini_batch in first_epoch if epoch == 0 else self.mini_batches(replies, generator):
                train_policy = self.steps_done >= settings.critic_warmup_steps
                human = self.prompts.human.draw(settings.ptx_batch_size) if self.prompts.human and train_policy else []
                statistics = step(self.roles, self.optimizer, mini_batch, targets, human, settings, train_policy=train_policy)
                if statistics is None:
                    stopped = True
                    break
                taken.append(statistics)
            if stopped:
                break
        means = {name: sum(row[name] for row in taken) / len(taken) for name in (taken[0] if taken else {})}
        first = {"val/first_approxkl": taken[0]["policy/approxkl"]} if "policy/approxkl" in means else {}
        return (
            means
            | first
            | {
                "update/optimizer_steps": float(len(taken)),
                "update/stopped_by_target_kl": float(stopped),
                "update/learning_rate": settings.learning_rate * factor,
            }
        )

    def save(self) -> None:
        """Write a checkpoint: everything that the next step depends on."""
        if self._directory is None:
            return
        state = {
            **self.roles.trained_state(),
            "optimizer": self.optimizer.state_dict(),
            "kl_coef": self.kl_controller.kl_coef,
            "positions": self._positions(),
            "steps_done": self.steps_done,
            "history": self.history,
            "evaluations": [evaluation.to_state() for evaluation in self.evaluations],
        }
        checkpoints.save_state(self._directory, state)

    def _restore(self, state: dict[str, Any]) -> None:
        self.roles.load_trained_state(state)
        self.optimizer.load_state_dict(state["optimizer"])
        self.kl_controller.kl_coef = state["kl_coef"]
        self._seek(state["positions"])
        self.steps_done = state["steps_done"]
        self.history = state["history"]
        self.evaluations = [Evaluation.from_state(entry) for entry in state["evaluations"]]
        _logger.info("continuing after step %d of %d", self.steps_done, self.settings.num_steps)

    def _evaluate_if_due(self, report: Report) -> None:
        last = self.steps_done == self.settings.num_steps
        done = bool(self.evaluations) and self.evaluations[-1].step == self.steps_done
        if done or not (last or self.steps_done % self.settings.eval_steps == 0):
            return
        with self._repeatable():
            evaluation = evaluate(
                self.roles,
                self.prompts.validation,
                self.sampling,
                step=self.steps_done,
                seed=_mixed(self.settings.seed, EVALUATION),
                max_tokens=self.settings.max_tokens_per_micro_batch,
            )
        self.evaluations.append(evaluation)
        report(evaluation.metrics(), self.steps_done)

    @contextmanager
    def _repeatable(self) -> Iterator[None]:
        """Mark work that changes no weights: a stop in the middle saves the state from before it, and the work is done again."""
        before = self._positions()
        try:
            if shutdown.requested():
                raise Interrupted
            yield
        except Interrupted:
            self._seek(before)
            self.save()
            raise

    def _positions(self) -> dict[str, int]:
        human = self.prompts.human.cycle.position if self.prompts.human else 0
        return {"queries": self.prompts.queries.cycle.position, "human": human}

    def _seek(self, positions: dict[str, int]) -> None:
        self.prompts.queries.cycle.position = positions["queries"]
        if self.prompts.human:
            self.prompts.human.cycle.position = positions["human"]


def _mixed(seed: int, step_number: int) -> int:
    return seed * 1_000_003 + step_number
