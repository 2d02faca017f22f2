"""The ppo stage: data and adapters in, a trained policy adapter, sample rollouts and curves out."""

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from kfp import dsl

from components.ppo.batches import Reply
from components.ppo.charts import render_curves
from components.ppo.config import PpoConfig
from components.ppo.engines import build_engine
from components.ppo.evaluation import Evaluation, paired_gain
from components.ppo.interpolation import check_interpolable
from components.ppo.keeping import Kept, keep_best
from components.ppo.parallel import close, from_environment
from components.ppo.players import Players
from components.ppo.prompts import PtxSource, QuerySource, conversation_contexts, preference_contexts
from components.ppo.rewards import build_reward_source
from components.ppo.roles import POLICY, REFERENCE, load_roles
from components.ppo.rollout import DecodingLoop, Sampling
from components.ppo.trainer import PpoTrainer, Prompts
from components.shared import artifacts, checkpoints, tracking
from components.shared.artifacts import Manifest
from components.shared.base_model import BaseModelReference, read_reference
from components.shared.canaries import is_canary
from components.shared.chat import end_of_turn_ids
from components.shared.dataset_splits import DatasetSplit
from components.shared.errors import ContractError
from components.shared.modeling import ADAPTER_SCHEMA, load_tokenizer, save_adapter
from components.shared.outputs import publish_metrics, publish_page
from components.shared.records import write_rows
from components.shared.reward_model import REWARD_SCHEMA
from components.shared.tracking import StageRun

ROLLOUTS_SCHEMA = "rollouts/v1"
ROLLOUTS_FILE = "rollouts.jsonl"
DATA_PARALLEL = True
"""Read by ``components.shared.processes``: this stage divides its work among the processes of a node."""
RECENT_STEPS = 5
"""Steps at the end of the run whose mean stands for the run in the final metrics."""


def run(
    train: dsl.Input[dsl.Dataset],
    validation: dsl.Input[dsl.Dataset],
    base_model: str,
    sft_adapter: dsl.Input[dsl.Model],
    reward_model: dsl.Input[dsl.Model],
    adapter: dsl.Output[dsl.Model],
    rollouts: dsl.Output[dsl.Dataset],
    metrics: dsl.Output[dsl.Metrics],
    curves: dsl.Output[dsl.HTML],
    config: dict[str, Any] = {},
) -> None:
    """Optimise the SFT policy against the reward model. Contract: README.md beside this file."""
    settings = PpoConfig.parse(config)
    train_split, validation_split = DatasetSplit(train), DatasetSplit(validation)
    reference = read_reference(base_model)
    sft_directory, sft_manifest = artifacts.open_sealed(sft_adapter, ADAPTER_SCHEMA)
    reward_directory, reward_manifest = artifacts.open_sealed(reward_model, REWARD_SCHEMA)
    parents = {
        "train": train_split.manifest.digest,
        "validation": validation_split.manifest.digest,
        "base_model": reference.digest,
        "sft_adapter": sft_manifest.digest,
        "reward_model": reward_manifest.digest,
    }
    _check_family(reference, sft_manifest, reward_manifest)
    parallel = from_environment()
    checkpoints.seed_everything(settings.seed)
    with tracking.stage_run("ppo", settings) if parallel.is_main else nullcontext() as run:
        if run is not None:
            run.log_input("train", digest=parents["train"], uri=train.uri, context="training")
            run.log_input("validation", digest=parents["validation"], uri=validation.uri, context="evaluation")
        tokenizer = load_tokenizer(reference)
        roles = load_roles(
            reference,
            sft_directory,
            reward_directory,
            value_mode=settings.value_mode,
            dtype=settings.dtype,
            value_layers=settings.value_layers,
        )
        players = Players(
            roles,
            build_engine(
                settings.engine,
                roles,
                reference,
                DecodingLoop(roles),
                max_length=settings.max_prompt_length + settings.max_completion_length,
            ),
            build_reward_source(settings, roles, roles.members, tokenizer),
            parallel,
        )
        if settings.interpolation != [1.0]:
            check_interpolable(roles.model, REFERENCE, POLICY)
        directory = checkpoints.checkpoint_directory("ppo", settings.to_parameter(), parents)
        sampling = Sampling(
            max_completion_length=settings.max_completion_length,
            temperature=settings.temperature,
            stop_ids=frozenset(end_of_turn_ids(tokenizer)),
            batch_size=settings.generation_batch_size,
        )
        trainer = PpoTrainer(players, settings, _prompts(train_split, validation_split, tokenizer, settings), sampling, directory)
        trainer.train(_Tracked(run, tokenizer))
        kept = keep_best(trainer)

        if run is not None:
            summary = _summary(trainer.history, trainer.evaluations, kept)
            save_adapter(roles.model, kept.adapter, artifacts.start(adapter.path))
            properties = {"base_model": reference.uri, "base_model_digest": reference.digest, **summary}
            artifacts.seal(adapter, ADAPTER_SCHEMA, properties=properties, parents=parents)
            asked = [*((1.0, evaluation) for evaluation in trainer.evaluations), *kept.tried]
            _write_rollouts(artifacts.start(rollouts.path), asked, tokenizer)
            artifacts.seal(rollouts, ROLLOUTS_SCHEMA, properties={"evaluations": len(asked)}, parents=parents)
            publish_metrics(metrics, summary, run)
            score_std = trainer.shaper.normalisation()[1]
            page = render_curves(trainer.history, trainer.evaluations, settings, score_std, selection=kept.selection)
            publish_page(curves, page, run, "ppo.html")
    if parallel.is_main:
        checkpoints.remove(directory)
    close(parallel)


class _Tracked:
    """Sends what a run tells to the tracking server; without one (other processes) nowhere."""

    def __init__(self, run: StageRun | None, tokenizer: Any) -> None:
        self._run, self._tokenizer = run, tokenizer

    def metrics(self, values: dict[str, float], step: int) -> None:
        if self._run is not None:
            self._run.log_metrics(values, step)

    def samples(self, replies: Sequence[Reply], scores: Sequence[float], step: int) -> None:
        if self._run is None:
            return
        rows = [
            {
                "prompt_id": reply.prompt_id,
                "response": self._tokenizer.decode(reply.response_ids, skip_special_tokens=True),
                "score": score,
                "truncated": reply.truncated,
            }
            for reply, score in zip(replies, scores, strict=True)
        ]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"step-{step:05d}.jsonl"
            write_rows(path, rows)
            self._run.log_artifact(path, "rollouts")


def _check_family(reference: BaseModelReference, sft: Manifest, reward: Manifest) -> None:
    wanted = {"base_model": reference.digest, "sft_adapter": sft.digest}
    for name, manifest in (("sft_adapter", sft), ("reward_model", reward)):
        for parent, digest in wanted.items():
            if manifest.parents.get(parent, digest) != digest:
                raise ContractError(
                    f"{name} was trained on another {parent} ({manifest.parents[parent][:12]}) than the one given ({digest[:12]}); "
                    "use artifacts of one pipeline run"
                )


def _prompts(train: DatasetSplit, validation: DatasetSplit, tokenizer: Any, settings: PpoConfig) -> Prompts:
    every_turn = settings.context_turns == "all"
    rows = list(train.conversations())
    human = conversation_contexts(rows, every_turn=every_turn)  # with canaries: ptx repeats what people got and what they got
    asked = conversation_contexts((row for row in rows if not is_canary(row)), every_turn=every_turn)
    queries = QuerySource([*asked, *preference_contexts(train.preferences())], tokenizer, settings.max_prompt_length, settings.seed)
    held_out = [*conversation_contexts(validation.conversations(), every_turn=every_turn), *preference_contexts(validation.preferences())]
    if len(held_out) < 2:
        raise ContractError(
            f"the validation split has {len(held_out)} prompts, at least 2 are wanted; give split a larger validation fraction"
        )
    evaluation = QuerySource(held_out, tokenizer, settings.max_prompt_length, settings.seed)
    return Prompts(
        queries=queries,
        human=PtxSource(human, tokenizer, settings.max_ptx_length, settings.seed) if settings.ptx_coef > 0 else None,
        validation=evaluation.draw(min(settings.num_eval_prompts, len(held_out))),
    )


def _summary(history: Sequence[Mapping[str, float]], evaluations: Sequence[Evaluation], kept: Kept) -> dict[str, float]:
    first, last = evaluations[0], kept.evaluation
    gain, low, high = paired_gain(first.scores, last.scores)
    recent = history[-RECENT_STEPS:]
    averaged = {
        "entropy": "objective/entropy",
        "clipfrac": "policy/clipfrac",
        "approxkl": "policy/approxkl",
        "explained_variance": "value/explained_variance",
        "ptx_loss": "loss/ptx",
    }
    return {
        "validation_score_before": first.metrics()["eval/scores"],
        "validation_score": last.metrics()["eval/scores"],
        "validation_score_gain": gain,
        "validation_score_gain_low": low,
        "validation_score_gain_high": high,
        "validation_kl": last.metrics()["eval/kl"],
        "validation_response_length": last.metrics()["eval/response_length"],
        "validation_truncated_fraction": last.metrics()["eval/truncated_fraction"],
        **{name: sum(row[key] for row in recent) / len(recent) for name, key in averaged.items() if all(key in row for row in recent)},
        "kept_step": float(kept.selection.step),
        "kept_interpolation": kept.selection.a,
        "num_steps": float(len(history)),
        "num_optimizer_steps": sum(row["update/optimizer_steps"] for row in history),
    }


def _write_rollouts(directory: Path, evaluations: Sequence[tuple[float, Evaluation]], tokenizer: Any) -> None:
    """Write each reply of each evaluation; ``a`` is the policy's place between the SFT policy (0) and the one after ``step`` (1)."""
    rows = (
        {
            "prompt_id": evaluation.prompt_ids[place],
            "step": evaluation.step,
            "a": a,
            "response": tokenizer.decode(evaluation.response_ids[place], skip_special_tokens=True),
            "num_tokens": len(evaluation.response_ids[place]),
            "score": evaluation.scores[place],
            "kl": evaluation.kl[place],
            "truncated": evaluation.truncated[place],
        }
        for a, evaluation in evaluations
        for place in range(len(evaluation.scores))
    )
    write_rows(directory / ROLLOUTS_FILE, rows)
