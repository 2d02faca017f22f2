"""The evaluate stage: held-out people, three arms, and the report on which promotion is decided."""

from typing import Any

from kfp import dsl

from components.evaluate import aggregation, inputs, measurement
from components.evaluate import metrics as definitions
from components.evaluate.aggregation import ItemTable, Resampling
from components.evaluate.config import EvaluateConfig
from components.evaluate.held_out import HeldOut, crisis_prompts, general_texts, support_prompts
from components.evaluate.measurement import Measured, Workload
from components.evaluate.page import build_page
from components.evaluate.scorer import train_scorer
from components.evaluate.sentence_embedding import SentenceEncoder
from components.shared import artifacts, checkpoints, storage, tracking
from components.shared import report as pages
from components.shared.arms import Arms, open_adapters
from components.shared.base_model import read_reference
from components.shared.dataset_splits import DatasetSplit
from components.shared.errors import ContractError
from components.shared.eval_report import (
    EVAL_REPORT_SCHEMA,
    ITEMS_FILE,
    REPLIES_FILE,
    SUMMARY_FILE,
    EmpathyScorer,
    EvalReport,
)
from components.shared.outputs import publish_metrics, publish_page
from components.shared.records import write_rows


def run(
    test: dsl.Input[dsl.Dataset],
    base_model: str,
    sft_adapter: dsl.Input[dsl.Model],
    ppo_adapter: dsl.Input[dsl.Model],
    empathy_ratings_uri: str,
    crisis_prompts_uri: str,
    general_text_uri: str,
    evaluation_digest: str,
    eval_report: dsl.Output[dsl.Dataset],
    report: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    config: dict[str, Any] = {},
) -> None:
    """Compare base, SFT and PPO on held-out people. Contract: README.md beside this file."""
    settings = EvaluateConfig.parse(config)
    split = DatasetSplit(test)
    reference = read_reference(base_model)
    adapters = open_adapters(sft_adapter, ppo_adapter, reference)
    uris = {"empathy_ratings": empathy_ratings_uri, "crisis_prompts": crisis_prompts_uri, "general_text": general_text_uri}
    _check_digest(uris, evaluation_digest)
    parents = {
        "test": split.manifest.digest,
        "base_model": reference.digest,
        "evaluation": evaluation_digest,
        **{f"{name}_adapter": manifest.digest for name, (_, manifest) in adapters.items()},
    }
    checkpoints.seed_everything(settings.seed)
    with tracking.stage_run("evaluate", settings) as run:
        run.log_input("test", digest=split.manifest.digest, uri=test.uri, context="evaluation")
        for name, uri in uris.items():
            run.log_input(name, digest=storage.digest(uri), uri=uri, context="evaluation")
        held_out = HeldOut(split, settings)
        arms = Arms(reference, {name: directory for name, (directory, _) in adapters.items()}, settings.max_length)
        crisis_rows = inputs.read(crisis_prompts_uri, inputs.CrisisPrompt) if settings.crisis else []
        workload = _workload(held_out, arms, crisis_rows, general_text_uri, settings)
        checkpoint = checkpoints.checkpoint_directory("evaluate", settings.to_parameter(), parents)
        measured = measurement.measure_arms(arms, workload, settings, checkpoint)
        scorer = _score_replies(held_out, workload, measured, empathy_ratings_uri, settings) if settings.empathy else None
        if settings.crisis:
            measurement.check_crisis(workload, crisis_rows, measured)
        summary = _summarise(measured, scorer, parents, _facts(workload, measured, arms, settings), settings)
        _write(eval_report, summary, workload, measured, parents)
        publish_metrics(metrics, _flat(summary), run)
        publish_page(report, pages.render(build_page(summary, workload, measured, settings)), run, "evaluation.html")
    checkpoints.remove(checkpoint)


def _summarise(
    measured: Measured, scorer: EmpathyScorer | None, parents: dict[str, str], facts: dict[str, Any], settings: EvaluateConfig
) -> EvalReport:
    table = ItemTable(measured.items)
    resampling = Resampling(settings.flips, settings.resamples, settings.seed)
    estimates = aggregation.measured_arms(table, measured.arm_numbers, resampling)
    return EvalReport(
        arms=estimates,
        comparisons=aggregation.comparisons(table, resampling),
        metrics={name: definitions.info(name) for numbers in estimates.values() for name in numbers},
        scorer=scorer,
        test_digest=parents["test"],
        base_digest=parents["base_model"],
        adapter_digests={name: parents[f"{name}_adapter"] for name in ("sft", "ppo")},
        evaluation_digest=parents["evaluation"],
        facts=facts,
    )


def _check_digest(uris: dict[str, str], seen: str) -> None:
    found = storage.digests(uris)
    if found != seen:
        raise ContractError(
            f"the evaluation files ({', '.join(uris.values())}) have digest {found[:12]}, but preflight saw {seen[:12]}: "
            "a file has changed since; start the run again"
        )


def _workload(
    held_out: HeldOut, arms: Arms, crisis_rows: list[inputs.CrisisPrompt], general_text_uri: str, settings: EvaluateConfig
) -> Workload:
    room = arms.context - settings.max_new_tokens
    if room < 1:
        raise ContractError(
            f"evaluate.max_new_tokens ({settings.max_new_tokens}) leaves no room for a prompt in {arms.context} tokens of context; lower it"
        )
    return Workload(
        conversations=held_out.conversations() if settings.perplexity else [],
        texts=general_texts(inputs.read(general_text_uri, inputs.GeneralText), settings) if settings.forgetting else [],
        support=support_prompts(held_out, arms.tokenizer, room) if settings.perplexity or settings.empathy else [],
        crisis=crisis_prompts(crisis_rows, arms.tokenizer, room, settings),
    )


def _score_replies(held_out: HeldOut, workload: Workload, measured: Measured, ratings_uri: str, settings: EvaluateConfig) -> EmpathyScorer:
    ratings = inputs.read(ratings_uri, inputs.EmpathyRating)
    encoder = SentenceEncoder()
    model, facts = train_scorer(ratings, encoder, held_out.overlap(ratings), storage.digest(ratings_uri), settings)
    measurement.score_support(workload.support, measured, encoder, model, settings)
    return facts


def _facts(workload: Workload, measured: Measured, arms: Arms, settings: EvaluateConfig) -> dict[str, Any]:
    return {
        **measured.facts,
        "people": len({prompt.unit for prompt in workload.support} | {row.person_id for row in workload.conversations}),
        "support_prompts": len(workload.support),
        "crisis_prompts": sum(prompt.kind == "crisis" for prompt in workload.crisis),
        "near_misses": sum(prompt.kind == "near_miss" for prompt in workload.crisis),
        "general_texts": len(workload.texts),
        "context_tokens": arms.context,
        "decoding": "greedy" if settings.temperature == 0 else f"sampling at temperature {settings.temperature}",
        "max_new_tokens": settings.max_new_tokens,
        "seed": settings.seed,
    }


def _write(eval_report: Any, summary: EvalReport, workload: Workload, measured: Measured, parents: dict[str, str]) -> None:
    directory = artifacts.start(eval_report.path)
    write_rows(directory / ITEMS_FILE, measured.items)
    write_rows(directory / REPLIES_FILE, measurement.reply_rows(workload, measured))
    (directory / SUMMARY_FILE).write_text(summary.model_dump_json(indent=2), encoding="utf-8")
    scorer = summary.scorer
    properties = {
        **summary.facts,
        "items": len(measured.items),
        "scorer_independent": scorer.independent if scorer else False,
        "scorer": scorer.model_dump(mode="json") if scorer else {},
    }
    artifacts.seal(eval_report, EVAL_REPORT_SCHEMA, properties=properties, parents=parents)


def _flat(summary: EvalReport) -> dict[str, float]:
    values = {f"{arm}/{name}": estimate.mean for arm, numbers in summary.arms.items() for name, estimate in numbers.items()}
    for comparison in summary.comparisons:
        values[f"{comparison.candidate}-{comparison.baseline}/{comparison.metric}"] = comparison.difference
    if summary.scorer:
        for name, agreement in summary.scorer.mechanisms.items():
            values |= {f"scorer/{name}_accuracy": agreement.accuracy, f"scorer/{name}_macro_f1": agreement.macro_f1}
    return values
