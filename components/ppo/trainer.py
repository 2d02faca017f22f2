"""Proximal policy optimisation of a LoRA policy against a reward model on one shared base (needs torch).

Legend: B replies of a rollout batch, R tokens of the longest of them. One step:

1. draw B queries;
2. sample a reply to each from the policy, keeping the log-probabilities of what was drawn;
3. score them: reference log-probabilities, rewards (and old log-probabilities, where the engine keeps none);
4. reward per token: the shaped score at the end, less ``kl_coef`` times the KL to the reference at each token;
5. values; the pass of the first mini-batch takes its value gradients along;
6. advantages and returns by GAE; whiten the advantages over the whole batch;
7. ``num_ppo_epochs`` times, in mini-batches: one optimizer step on the composite objective (``update.step``);
8. correct ``kl_coef``, ``entropy_coef`` and the safety multiplier.

All randomness of a step comes from (seed, step), so a step that was abandoned can be repeated exactly. With several processes everything of
size (B, R) is the same in each; only passes through the model are shared out.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch

from components.ppo.advantages import explained_variance, generalized_advantages, token_rewards, whiten
from components.ppo.batches import MicroBatch, MiniBatch, Reply, collate, kept_rows, plan_micro_batches, response_mask
from components.ppo.config import PpoConfig
from components.ppo.controllers import EntropyController, KlController, learning_rate_factor
from components.ppo.evaluation import Evaluation, evaluate
from components.ppo.judgement import Judgement
from components.ppo.losses import kl_estimate
from components.ppo.players import Players, judge, sample
from components.ppo.prompts import PtxSource, Query, QuerySource
from components.ppo.reward_shaping import RewardShaper
from components.ppo.roles import POLICY, REFERENCE, REWARD
from components.ppo.rollout import DecodingLoop, Sampling
from components.ppo.scoring import logprob_pass, value_pass
from components.ppo.selection import best_within_budget
from components.ppo.update import Experience, Place, Statistics, first_values, new_optimizer, set_learning_rates, step
from components.shared import checkpoints, shutdown
from components.shared.errors import Interrupted
from components.shared.modeling import adapter_state
from components.shared.progress import progress

_logger = logging.getLogger(__name__)
EVALUATION = 1_000_002
"""Stands for the step in the seed of evaluations; no run has so many steps."""


class Report(Protocol):
    """Receives what a run has to tell while it goes on."""

    def metrics(self, values: dict[str, float], step: int) -> None:
        """Take the numbers of a step or an evaluation; those of steps before a resumption come first."""
        ...

    def samples(self, replies: Sequence[Reply], scores: Sequence[float], step: int) -> None:
        """Take a few replies of a rollout with their scores."""
        ...


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


@dataclass(frozen=True)
class Rollout:
    """A rollout batch and all that its update needs.

    Attributes:
        replies: B of them.
        experience: tensors of shape (B, R).
        first_epoch: its mini-batches.
        value_shares: of the first mini-batch's value term, whose gradients are there already; None in mode ``shared_trunk``.
        metrics: of the batch.
        sample: a few replies with their scores.
    """

    replies: list[Reply]
    experience: Experience
    first_epoch: list[MiniBatch]
    value_shares: dict[str, torch.Tensor] | None
    metrics: dict[str, float]
    sample: tuple[list[Reply], list[float]]

    @property
    def num_padded_tokens(self) -> int:
        """Tokens of one pass over this process's share, padding included."""
        return sum(batch.input_ids.numel() for mini_batch in self.first_epoch for batch in mini_batch.batches)


@dataclass
class _Clock:
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started

    def metrics(self, num_tokens: float) -> dict[str, float]:
        speed = num_tokens / sum(self.seconds.values())
        return {f"timing/{name}_seconds": seconds for name, seconds in self.seconds.items()} | {"timing/tokens_per_second": speed}


class PpoTrainer:
    """Owns everything that changes while PPO runs, and can save and restore all of it."""

    def __init__(self, players: Players, settings: PpoConfig, prompts: Prompts, sampling: Sampling, directory: Path | None) -> None:
        """Start fresh, or from the checkpoint in ``directory`` if there is one.

        Args:
            players: the model and what acts with it.
            settings: the run's settings.
            prompts: where text comes from.
            sampling: how replies are drawn.
            directory: of the checkpoints; None where a killed run cannot be continued.
        """
        self.players, self.settings, self.prompts, self.sampling = players, settings, prompts, sampling
        self.roles, self.parallel = players.roles, players.parallel
        self.optimizer = new_optimizer(self.roles, settings)
        self.kl_controller = KlController(settings.kl_coef, settings.kl_controller == "adaptive", settings.kl_target, settings.kl_horizon)
        self.entropy_controller = EntropyController(
            settings.entropy_coef, settings.entropy_target, settings.entropy_coef_rate, settings.entropy_coef_max
        )
        self.shaper = RewardShaper(settings, players.rewards.normalisation)
        self.keeps_logprobs = isinstance(players.engine, DecodingLoop) and (
            settings.old_logprobs == "rollout" or (settings.old_logprobs == "auto" and self.roles.projection.weight.dtype == torch.float32)
        )
        self.steps_done = 0
        self.history: list[dict[str, float]] = []
        self.evaluations: list[Evaluation] = []
        self.best: dict[str, torch.Tensor] = {}
        """Policy weights of the best evaluation within the KL budget so far; of the last one without ``select_best``."""
        self._directory = directory
        # The value head may start at random; equal seeds give equal ones, but nothing else should depend on that.
        self.parallel.from_main_(*(parameter for group in self.optimizer.param_groups for parameter in group["params"]))
        state = checkpoints.load_state(directory)
        if state is not None:
            self._restore(state)

    def train(self, report: Report) -> None:
        """Run to the end of the schedule.

        Raises:
            Interrupted: a stop was asked for and a checkpoint is written.
        """
        for number, metrics in enumerate(self.history):
            report.metrics(metrics, number)
        for evaluation in self.evaluations:
            report.metrics(evaluation.metrics(), evaluation.step)
        with progress("ppo", self.settings.num_steps, self.steps_done) as bar:
            while True:
                self._evaluate_if_due(report)
                if self.steps_done == self.settings.num_steps:
                    return
                metrics = self.train_step(report)
                report.metrics(metrics, self.steps_done - 1)
                bar.advance(score=metrics["objective/scores"], kl=metrics["objective/kl"])
                if self.steps_done % self.settings.save_steps == 0:
                    self.save()

    def train_step(self, report: Report | None = None) -> dict[str, float]:
        """Take one PPO step (the numbered algorithm above) and return its metrics."""
        clock = _Clock()
        generator = torch.Generator().manual_seed(_mixed(self.settings.seed, self.steps_done))
        with self._repeatable():
            with clock.phase("rollout"):
                queries = self.prompts.queries.draw(self.settings.rollout_batch_size)
                replies = self.sample(queries, _mixed(self.settings.seed, self.steps_done))
            self.roles.read_positions.tokens = 0
            with clock.phase("scoring"):
                rollout = self.score(replies, generator)
        with clock.phase("update"):
            metrics = rollout.metrics | self.update(rollout, generator)
        tokens = torch.tensor([self.roles.read_positions.tokens, rollout.num_padded_tokens], dtype=torch.float64)
        self.parallel.sum_(tokens)
        metrics["update/forward_passes"] = float(tokens[0] / tokens[1])
        self.kl_controller.update(metrics["objective/kl"], len(replies))
        self.entropy_controller.update(metrics["objective/entropy"])
        if report and self.settings.num_samples and self.steps_done % self.settings.sample_steps == 0:
            report.samples(*rollout.sample, self.steps_done)
        self.steps_done += 1
        self.history.append(metrics | clock.metrics(sum(len(reply.response_ids) for reply in replies)))
        return self.history[-1]

    def sample(self, queries: Sequence[Query], seed: int) -> list[Reply]:
        """Sample a reply to each query from the policy, each process its own ones."""
        return sample(self.players, queries, self.sampling, seed)

    def mini_batches(self, replies: Sequence[Reply], generator: torch.Generator) -> list[MiniBatch]:
        """Shuffle the rollout batch into mini-batches; cut this process's share of each into micro-batches of similar length."""
        lengths = [len(reply) for reply in replies]
        order = torch.randperm(len(replies), generator=generator).tolist()
        size = self.settings.mini_batch_size
        parts = [order[start : start + size] for start in range(0, len(order), size)]
        return [
            MiniBatch(
                batches=[
                    collate(replies, rows, self.roles.device)
                    for rows in plan_micro_batches(lengths, self.parallel.part(part), self.settings.max_tokens_per_micro_batch)
                ],
                num_tokens=float(sum(len(replies[row].response_ids) for row in part)),
            )
            for part in parts
        ]

    def score(self, replies: list[Reply], generator: torch.Generator) -> Rollout:
        """Steps 3 to 6 of the algorithm."""
        settings, roles = self.settings, self.roles
        first_epoch = self.mini_batches(replies, generator)
        batches = [batch for mini_batch in first_epoch for batch in mini_batch.batches]
        mask = response_mask(replies, roles.device)
        shape = (len(replies), mask.shape[1])
        ref_logprobs, _, _ = logprob_pass(roles, REFERENCE, batches, shape, settings.temperature)
        self.parallel.sum_(ref_logprobs)
        old_logprobs, entropies, values = self._policy_numbers(replies, batches, mask)
        judgement = self._judged(replies, batches)
        shaped, metrics = self.shaper.shape(judgement, torch.tensor([reply.truncated for reply in replies], device=mask.device))
        kl = kl_estimate(old_logprobs, ref_logprobs, settings.kl_estimator)
        rewards = token_rewards(shaped, kl, mask, self.kl_controller.kl_coef)
        value_shares = None
        if roles.value_mode == "adapter":
            values = value_pass(roles, [batch for mini_batch in first_epoch[1:] for batch in mini_batch.batches], shape)
            value_shares = first_values(roles, first_epoch[0], rewards, values, settings)
            self.parallel.sum_(values)
        advantages, returns = generalized_advantages(rewards, values, mask, settings.gamma, settings.lam)
        num_tokens = float(mask.sum())
        metrics |= {
            "objective/kl": float((old_logprobs - ref_logprobs).sum(1).mean()),
            "objective/kl_coef": self.kl_controller.kl_coef,
            "objective/entropy": float(entropies.sum()) / num_tokens,
            "objective/entropy_coef": self.entropy_controller.entropy_coef,
            "objective/rlhf_reward": float(rewards.sum(1).mean()),
            "objective/response_length": num_tokens / len(replies),
            "objective/truncated_fraction": sum(reply.truncated for reply in replies) / len(replies),
            "value/explained_variance": explained_variance(values, returns, mask),
        }
        whitened = whiten(advantages, mask) if settings.whiten_advantages else advantages
        sample = replies[: settings.num_samples], judgement.scores[: settings.num_samples].tolist()
        return Rollout(
            replies, Experience(old_logprobs, self.keeps_logprobs, values, whitened, returns), first_epoch, value_shares, metrics, sample
        )

    def update(self, rollout: Rollout, generator: torch.Generator) -> Statistics:
        """Run the optimizer steps of one rollout batch and return the means of their statistics."""
        settings = self.settings
        factor = learning_rate_factor(self.steps_done, settings.num_steps, settings.warmup_fraction, settings.lr_scheduler_type)
        set_learning_rates(self.optimizer, settings, factor)
        taken: list[Statistics] = []
        stopped = False
        for epoch in range(settings.num_ppo_epochs):
            for mini_batch in rollout.first_epoch if epoch == 0 else self.mini_batches(rollout.replies, generator):
                place = Place(not taken, self.steps_done >= settings.critic_warmup_steps, self.entropy_controller.entropy_coef)
                statistics = step(
                    self.roles,
                    self.optimizer,
                    mini_batch,
                    rollout.experience,
                    self.prompts.human.draw(settings.ptx_batch_size) if self.prompts.human and place.train_policy else [],
                    settings,
                    place,
                    value_shares=rollout.value_shares if place.first else None,
                    parallel=self.parallel,
                )
                if statistics is None:
                    stopped = True
                    break
                taken.append(statistics)
            if stopped:
                break
        means = {name: _mean([row[name] for row in taken if name in row]) for name in taken[0]}
        first = {f"val/{kind}": taken[0][name] for kind, name in _OF_FIRST.items() if name in taken[0]}
        return (
            means
            | first
            | {
                "update/optimizer_steps": float(len(taken)),
                "update/stopped_by_target_kl": float(stopped),
                "update/learning_rate": settings.learning_rate * factor,
            }
        )

    def evaluate(self, adapter: str = POLICY, steps: int | None = None) -> Evaluation:
        """Ask an adapter the validation prompts, with the same random numbers each time.

        Args:
            adapter: the policy that is asked.
            steps: PPO steps that it has had; by default those done.
        """
        with self._repeatable():
            return evaluate(
                self.players,
                self.prompts.validation,
                self.sampling,
                step=self.steps_done if steps is None else steps,
                seed=_mixed(self.settings.seed, EVALUATION),
                max_tokens=self.settings.max_tokens_per_micro_batch,
                adapter=adapter,
            )

    def save(self) -> None:
        """Write a checkpoint: everything that the next step depends on."""
        if self._directory is None or not self.parallel.is_main:
            return
        state = {
            **self.roles.trained_state(),
            "optimizer": self.optimizer.state_dict(),
            "controllers": {"kl": self.kl_controller.state(), "entropy": self.entropy_controller.state(), "reward": self.shaper.state()},
            "positions": self._positions(),
            "steps_done": self.steps_done,
            "history": self.history,
            "evaluations": [evaluation.to_state() for evaluation in self.evaluations],
            "best": self.best,
        }
        checkpoints.save_state(self._directory, state)

    def _judged(self, replies: Sequence[Reply], batches: Sequence[MicroBatch]) -> Judgement:
        """Judge the replies, and keep the states that a value adapter on the upper layers continues from."""
        lower = self.roles.lower_layers
        if lower is None:
            return judge(self.players, replies, batches)
        with lower.recording() as seen:
            judgement = judge(self.players, replies, batches)
        states = seen[: len(batches)]  # the first member's passes come first
        if not states:  # something else than the reward adapter judged
            with self.roles.speaking(REWARD):
                states = [lower.lower(batch.input_ids) for batch in batches]
        self.parallel.sum_(lower.keep(batches, states, len(replies), max(map(len, replies))))
        return judgement

    def _policy_numbers(
        self, replies: Sequence[Reply], batches: Sequence[MicroBatch], mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return old log-probabilities, entropies and the values of the policy's states (else zeros), (B, R) each."""
        if self.keeps_logprobs:
            reads = self.roles.value_mode == "shared_trunk"
            kept = [kept_rows(replies, name, mask) for name in ("logprobs", "entropies", *(["values"] if reads else []))]
            return (kept[0], kept[1], kept[2] if reads else torch.zeros_like(kept[0]))
        numbers = logprob_pass(self.roles, POLICY, batches, (len(replies), mask.shape[1]), self.settings.temperature)
        self.parallel.sum_(*numbers)
        return numbers

    def _restore(self, state: dict[str, Any]) -> None:
        self.roles.load_trained_state(state)
        self.optimizer.load_state_dict(state["optimizer"])
        self.kl_controller.load_state(state["controllers"]["kl"])
        self.entropy_controller.load_state(state["controllers"]["entropy"])
        self.shaper.load_state(state["controllers"]["reward"])
        self._seek(state["positions"])
        self.steps_done = state["steps_done"]
        self.history = state["history"]
        self.evaluations = [Evaluation.from_state(entry) for entry in state["evaluations"]]
        self.best = state["best"]
        _logger.info("continuing after step %d of %d", self.steps_done, self.settings.num_steps)

    def _evaluate_if_due(self, report: Report) -> None:
        last = self.steps_done == self.settings.num_steps
        done = bool(self.evaluations) and self.evaluations[-1].step == self.steps_done
        if done or not (last or self.steps_done % self.settings.eval_steps == 0):
            return
        self.evaluations.append(self.evaluate())
        best = best_within_budget(self.evaluations, self.settings.kl_budget) if self.settings.select_best else len(self.evaluations) - 1
        if best == len(self.evaluations) - 1:
            self.best = adapter_state(self.roles.model, POLICY)
        report.metrics(self.evaluations[-1].metrics(), self.steps_done)

    @contextmanager
    def _repeatable(self) -> Iterator[None]:
        """Mark work that changes no weights: a stop in the middle saves the state from before it, and the work is done again."""
        before = self._positions()
        moments = self.shaper.state()
        try:
            if self.parallel.agreed(shutdown.requested()):
                raise Interrupted
            yield
        except Interrupted:
            self._seek(before)
            self.shaper.load_state(moments)
            self.save()
            raise

    def _positions(self) -> dict[str, int]:
        human = self.prompts.human.cycle.position if self.prompts.human else 0
        return {"queries": self.prompts.queries.cycle.position, "human": human}

    def _seek(self, positions: dict[str, int]) -> None:
        self.prompts.queries.cycle.position = positions["queries"]
        if self.prompts.human:
            self.prompts.human.cycle.position = positions["human"]


_OF_FIRST = {"first_approxkl": "policy/approxkl", "first_ratio": "val/ratio"}
"""What is logged of the first optimizer step of a rollout, where it must be 0 and 1."""


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


def _mixed(seed: int, step_number: int) -> int:
    return seed * 1_000_003 + step_number
