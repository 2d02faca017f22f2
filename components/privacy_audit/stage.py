"""The privacy_audit stage: what the trained model gives away about the people it learnt from. Contract: README.md beside this file."""

import logging
from typing import Any

from kfp import dsl

from components.privacy_audit import judgement, subjects
from components.privacy_audit.checks import verdict
from components.privacy_audit.config import PrivacyAuditConfig
from components.privacy_audit.exposure import candidate_space
from components.privacy_audit.judgement import Corpus
from components.privacy_audit.measurement import Measured, Subjects, measure
from components.privacy_audit.page import build_page
from components.privacy_audit.subjects import Dialogue
from components.shared import artifacts, checkpoints, tracking
from components.shared import report as pages
from components.shared.arms import Arms, open_adapters
from components.shared.base_model import read_reference
from components.shared.canaries import Canary, read_canaries
from components.shared.dataset_splits import DatasetSplit
from components.shared.errors import ContractError
from components.shared.original_values import ORIGINAL_VALUES_SCHEMA, OriginalValues
from components.shared.outputs import publish_metrics, publish_page
from components.shared.privacy_report import PRIVACY_REPORT_SCHEMA, REPORT_FILE, VERDICT_TAG, Outcome, PrivacyReport
from components.shared.pseudonym_key import read_key

_OUTCOMES: dict[str, Outcome] = {
    "blocked": "BLOCK",
    "warned": "WARN",
    "inconclusive": "INCONCLUSIVE",
    "not_measured": "NOT MEASURED",
    "passed": "PASS",
}
_logger = logging.getLogger(__name__)


def run(
    train: dsl.Input[dsl.Dataset],
    test: dsl.Input[dsl.Dataset],
    canaries: dsl.Input[dsl.Dataset],
    original_values: dsl.Input[dsl.Dataset],
    base_model: str,
    sft_adapter: dsl.Input[dsl.Model],
    ppo_adapter: dsl.Input[dsl.Model],
    privacy_report: dsl.Output[dsl.Dataset],
    report: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    config: dict[str, Any] = {},
) -> None:
    """Attack the trained model and judge what comes out. Contract: README.md beside this file."""
    settings = PrivacyAuditConfig.parse(config)
    splits = {"train": DatasetSplit(train), "test": DatasetSplit(test)}
    secrets, canaries_manifest = read_canaries(canaries)
    values_directory, values_manifest = artifacts.open_sealed(original_values, ORIGINAL_VALUES_SCHEMA)
    originals = OriginalValues.read(values_directory, read_key())
    reference = read_reference(base_model)
    adapters = open_adapters(sft_adapter, ppo_adapter, reference)
    parents = {
        **{name: split.manifest.digest for name, split in splits.items()},
        "canaries": canaries_manifest.digest,
        "original_values": values_manifest.digest,
        "base_model": reference.digest,
        **{f"{name}_adapter": manifest.digest for name, (_, manifest) in adapters.items()},
    }
    checkpoints.seed_everything(settings.seed)
    with tracking.stage_run("privacy_audit", settings) as run:
        run.log_input("train", digest=parents["train"], uri=train.uri, context="members")
        run.log_input("test", digest=parents["test"], uri=test.uri, context="non-members")
        arms = Arms(reference, {name: directory for name, (directory, _) in adapters.items()}, settings.max_length)
        tried, corpus = _subjects(splits, secrets, arms, settings)
        checkpoint = checkpoints.checkpoint_directory("privacy_audit", settings.to_parameter(), parents)
        measured = measure(arms, tried, settings, checkpoint)
        summary = _judge(tried, measured, corpus, originals, parents, settings)
        directory = artifacts.start(privacy_report.path)
        (directory / REPORT_FILE).write_text(summary.model_dump_json(indent=2), encoding="utf-8")
        counts = {name: summary.count(outcome) for name, outcome in _OUTCOMES.items()}
        artifacts.seal(privacy_report, PRIVACY_REPORT_SCHEMA, properties={"verdict": summary.verdict, **counts}, parents=parents)
        _logger.info("privacy verdict %s: %s", summary.verdict, ", ".join(f"{number} {name}" for name, number in counts.items() if number))
        run.set_tags({VERDICT_TAG: summary.verdict})
        run.log_artifact(directory / REPORT_FILE)
        publish_metrics(metrics, _numbers(summary), run)
        publish_page(report, pages.render(build_page(summary, tried, measured, settings)), run, "privacy.html")
    checkpoints.remove(checkpoint)


def _subjects(splits: dict[str, DatasetSplit], secrets: list[Canary], arms: Arms, settings: PrivacyAuditConfig) -> tuple[Subjects, Corpus]:
    room = arms.context - max(settings.max_new_tokens, 2 * settings.extraction_tokens)
    if room < 1:
        raise ContractError(
            f"privacy_audit.max_new_tokens ({settings.max_new_tokens}) leaves no room for a prompt in {arms.context} tokens; lower it"
        )
    tokenizer = arms.tokenizer
    read = {name: subjects.dialogues(tokenizer, list(split.conversations()), arms.context, name) for name, split in splits.items()}
    members, others = subjects.matched(read["train"], read["test"], settings.max_conversations, settings.seed)
    tried = Subjects(
        members=members,
        others=others,
        canaries=secrets,
        spaces=[candidate_space(tokenizer, canary, arms.context) for canary in secrets],
        prefixes=subjects.prefixes(tokenizer, read["train"], settings, room),
        controls=subjects.prefixes(tokenizer, read["test"], settings, room),
        openings=subjects.openings(tokenizer, settings.num_generations),
    )
    dialogues = [(each.row.person_id, "\n".join(turn.content for turn in each.row.messages)) for each in read["train"]]
    return tried, Corpus(_replies(read["train"]), _replies(read["test"]), dialogues)


def _replies(dialogues: list[Dialogue]) -> list[tuple[str, list[int]]]:
    return [(dialogue.row.person_id, reply) for dialogue in dialogues for reply in dialogue.replies()]


def _judge(
    tried: Subjects,
    measured: Measured,
    corpus: Corpus,
    originals: OriginalValues,
    parents: dict[str, str],
    settings: PrivacyAuditConfig,
) -> PrivacyReport:
    canary_checks, exposures = judgement.canary_checks(tried, measured, settings)
    text_checks, text_facts = judgement.text_checks(tried, measured, corpus, originals, settings)
    checks = [*canary_checks, *judgement.membership_checks(tried, measured, settings), *text_checks]
    return PrivacyReport(
        verdict=verdict(checks),
        checks=checks,
        canaries=exposures,
        adapter_digest=parents["ppo_adapter"],
        base_digest=parents["base_model"],
        parents=parents,
        facts={
            "members": len(tried.members),
            "non-members": len(tried.others),
            "canaries planted": len(tried.planted),
            "prefixes": len(tried.prefixes),
            "continuations of each": settings.samples_per_prefix + 1,
            "free generations": len(tried.openings),
            **text_facts,
            "seed": settings.seed,
        },
    )


def _numbers(summary: PrivacyReport) -> dict[str, float]:
    values = {}
    for check in summary.checks:
        for arm, value in (("ppo", check.value), ("sft", check.sft), ("base", check.base)):
            if value is not None:
                values[f"{arm}/{check.name}"] = value
    outcomes = {f"checks/{name}": summary.count(outcome) for name, outcome in _OUTCOMES.items()}
    return {**values, **outcomes, "verdict_blocks": float(summary.verdict == "BLOCK"), "verdict_passes": float(summary.verdict == "PASS")}
