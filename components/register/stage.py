"""The register stage: judge, register, check what was registered, move the aliases. Contract: README.md beside this file."""

import logging
import shutil
import tempfile
from pathlib import Path
from typing import Any

import mlflow.artifacts
from kfp import dsl
from mlflow.entities.model_registry import ModelVersion
from safetensors.torch import save_file

from components.register import bundle, card, champion, versions
from components.register.candidate import Candidate
from components.register.config import RegisterConfig
from components.register.gate import Decision, decide
from components.register.probe import reload_difference
from components.shared import artifacts, tracking
from components.shared.errors import ContractError
from components.shared.eval_report import ITEMS_FILE, SUMMARY_FILE
from components.shared.outputs import publish_metrics, publish_parameter
from components.shared.privacy_report import VERDICT_TAG
from components.shared.tracking import StageRun

DECISION_SCHEMA = "decision/v1"
DECISION_FILE, CARD_FILE = "decision.json", "model_card.md"
_logger = logging.getLogger(__name__)


def run(
    eval_report: dsl.Input[dsl.Dataset],
    privacy_report: dsl.Input[dsl.Dataset],
    base_model: str,
    adapter: dsl.Input[dsl.Model],
    model_version: dsl.OutputPath(str),  # type: ignore[valid-type]  # KFP's own annotation of an output path
    decision: dsl.Output[dsl.Artifact],
    model_card: dsl.Output[dsl.Markdown],
    metrics: dsl.Output[dsl.Metrics],
    config: dict[str, Any] = {},
) -> None:
    """Decide by the gate, register the adapter with its lineage, and move the aliases. Contract: README.md beside this file."""
    settings = RegisterConfig.parse(config)
    candidate = Candidate.open(eval_report, privacy_report, base_model, adapter)
    with tracking.stage_run("register", settings) as run, tempfile.TemporaryDirectory() as scratch:
        run.log_input("evaluation", digest=candidate.evaluation.manifest.digest, uri=eval_report.uri, context="decision")
        run.log_input("privacy", digest=candidate.privacy_digest, uri=privacy_report.uri, context="decision")
        run.log_input("adapter", digest=candidate.manifest.digest, uri=adapter.uri, context="registration")
        version, ruling = _find_or_register(run, settings, candidate, Path(scratch))
        difference = _check_reload(run, settings, version, Path(scratch))
        promoted = versions.settle(run.client, settings, version, ruling)
        name = f"{settings.model_name}/{version.version}"
        _logger.info("%s: gate %s, %s", name, ruling.verdict, "now @champion" if promoted else "@challenger")

        directory = artifacts.start(decision.path)
        (directory / DECISION_FILE).write_text(ruling.model_dump_json(indent=2), encoding="utf-8")
        properties = {"verdict": ruling.verdict, "model_version": name, "promoted": promoted, "champion_seen": ruling.champion or ""}
        parents = {
            "eval_report": candidate.evaluation.manifest.digest,
            "privacy_report": candidate.privacy_digest,
            "adapter": candidate.manifest.digest,
        }
        artifacts.seal(decision, DECISION_SCHEMA, properties=properties, parents=parents)
        text = _card(settings, candidate, ruling)
        publish_parameter(model_card.path, text)
        run.client.log_text(run.run_id, text, CARD_FILE)
        run.log_artifact(directory / DECISION_FILE)
        run.set_tags({"gate.verdict": ruling.verdict, VERDICT_TAG: candidate.privacy.verdict, "model_version": name})
        publish_metrics(metrics, _numbers(ruling, promoted, difference), run)
        publish_parameter(model_version, name)


def _find_or_register(run: StageRun, settings: RegisterConfig, candidate: Candidate, scratch: Path) -> tuple[ModelVersion, Decision]:
    """Decide and make a new version, or take the one that an interrupted attempt at the same thing left."""
    logits = bundle.trained_logits(candidate.reference, candidate.directory)
    save_file({"logits": logits}, scratch / "logits.safetensors")
    digest = candidate.digest(settings)
    earlier = versions.of_candidate(run.client, settings.model_name, digest)
    if earlier is not None:
        _logger.info("version %s was made from the same inputs: used again", earlier.version)
        uri = f"models:/{settings.model_name}/{earlier.version}/{DECISION_FILE}"
        stored = mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(scratch))
        return earlier, Decision.model_validate_json(Path(stored).read_text(encoding="utf-8"))
    rival = champion.current(run.client, settings.model_name, candidate.evaluation, settings.gate)
    ruling = decide(candidate.evaluation.report(), candidate.privacy, settings.gate, rival)
    adapter = (candidate.directory, candidate.manifest)
    files = bundle.build(scratch / "bundle", candidate.reference, adapter, max_new_tokens=settings.max_new_tokens, logits=logits)
    tags = {**candidate.tags(run, ruling), versions.CANDIDATE_TAG: digest}
    bundle.save(scratch / "model", files, metadata=tags)
    _add_evidence(scratch / "model", settings, candidate, ruling)
    summary = f"Gate: {ruling.verdict} ({ruling.count('PASS')} of {len(ruling.rules)} rules passed). Not for crisis, not a medical device."
    return versions.create(run.client, run.run_id, settings.model_name, scratch / "model", tags, summary), ruling


def _add_evidence(model: Path, settings: RegisterConfig, candidate: Candidate, ruling: Decision) -> None:
    """Put the decision, the card and the scores (no text) beside the model: the next candidate is compared with them."""
    (model / DECISION_FILE).write_text(ruling.model_dump_json(indent=2), encoding="utf-8")
    (model / CARD_FILE).write_text(_card(settings, candidate, ruling), encoding="utf-8")
    target = model / champion.EVALUATION_FOLDER
    target.mkdir()
    for name in (SUMMARY_FILE, ITEMS_FILE):
        shutil.copyfile(candidate.evaluation.directory / name, target / name)


def _check_reload(run: StageRun, settings: RegisterConfig, version: ModelVersion, scratch: Path) -> float:
    """Make sure that what was registered computes what was trained, in a process that knows only the registry.

    Raises:
        ContractError: it does not; the version is marked as broken and no alias points to it.
    """
    uri = f"models:/{settings.model_name}/{version.version}"
    bundle.free_memory()
    try:
        difference = reload_difference(uri, expected=scratch / "logits.safetensors", timeout_seconds=settings.reload_timeout_seconds)
        if not difference <= settings.reload_tolerance:  # written so that NaN fails
            raise ContractError(f"{uri} computes other logits than the trained model (difference {difference:.3g}); do not serve it")
    except ContractError:
        run.client.set_model_version_tag(settings.model_name, version.version, "attune.reload", "broken")
        run.client.delete_model_version_tag(settings.model_name, version.version, versions.CANDIDATE_TAG)  # a retry makes a new one
        raise
    run.client.set_model_version_tag(settings.model_name, version.version, "attune.reload", f"equal within {difference:.3g}")
    return difference


def _card(settings: RegisterConfig, candidate: Candidate, ruling: Decision) -> str:
    report = candidate.evaluation.report()
    return card.render(card.CardFacts(settings.model_name, report, candidate.privacy, ruling, candidate.reference, candidate.manifest))


def _numbers(ruling: Decision, promoted: bool, difference: float) -> dict[str, float]:
    return {
        "gate_passed": float(ruling.verdict == "PASS"),
        "gate_failed": float(ruling.verdict == "FAIL"),
        "rules_passed": ruling.count("PASS"),
        "rules_failed": ruling.count("FAIL"),
        "rules_inconclusive": ruling.count("INCONCLUSIVE") + ruling.count("NOT COMPARABLE"),
        "promoted": float(promoted),
        "reload_max_difference": difference,
    }
