"""The whole DAG on this machine: the same definitions under kfp.local, no Docker, each stage its own process.

Everything is kept below one folder (``runs/`` by default)::

    runs/pipeline/    outputs of every run, a folder per run and stage
    runs/cache/       which inputs gave which outputs; unchanged stages are reused
    runs/checkpoints/ training states of stages that have not finished
    runs/mlflow.db    tracking and registry, with runs/mlflow-artifacts/
    runs/logs/        what the stages wrote
    runs/pseudonym.key the secret behind surrogates, readable by its owner only; ATTUNE_PSEUDONYM_KEY names another
"""

import json
import os
import sys
import uuid
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kfp import local
from rich.console import Console

from components.shared.artifacts import MANIFEST
from components.shared.provenance import code_digest
from components.shared.pseudonym_key import KEY_VARIABLE, key_file
from pipelines.alignment import build_pipeline
from pipelines.console import RunView, StageProgress, exit_code, summary_table, watch
from pipelines.settings import STAGES, Settings

KEY_METRICS: dict[str, tuple[str, ...]] = {
    "validate_data": ("conversations_rows", "preferences_rows", "conversations_quarantined", "preferences_quarantined"),
    "anonymize": ("entities/total", "recall/direct", "leaks"),
    "split": ("train/conversations", "validation/conversations", "test/conversations"),
    "sft": ("base_validation_perplexity", "validation_perplexity", "trainable_fraction"),
    "reward": ("accuracy", "accuracy_low", "length_rule_accuracy"),
    "ppo": ("validation_score_before", "validation_score", "validation_kl"),
    "privacy_audit": ("ppo/exposure/median", "ppo/membership/ratio_auc", "checks/blocked", "checks/warned", "checks/inconclusive"),
    "evaluate": ("ppo-sft/empathy", "ppo-sft/nll_reference", "ppo-base/bpb_general"),
    "register": ("rules_passed", "rules_failed", "rules_inconclusive", "promoted"),
}
"""Stage to the metrics worth a place in the closing table."""


@dataclass(frozen=True)
class Workspace:
    """Where a local run keeps things."""

    root: Path

    def environment(self, run_id: str, run_name: str) -> dict[str, str]:
        """Return the variables that stages read; a user's own MLflow settings and pseudonym key win."""
        variables = {
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.root}/mlflow.db",
            "MLFLOW_EXPERIMENT_NAME": "attune",
            "ATTUNE_ARTIFACT_LOCATION": (self.root / "mlflow-artifacts").as_uri(),
        }
        variables = {name: os.environ.get(name, value) for name, value in variables.items()}
        variables |= {
            "ATTUNE_RUN_ID": run_id,
            "ATTUNE_RUN_NAME": run_name,
            "ATTUNE_CHECKPOINT_DIR": str(self.root / "checkpoints"),
            "ATTUNE_STOP_WITH_PARENT": "1",
            "TOKENIZERS_PARALLELISM": "false",
        }
        variables[KEY_VARIABLE] = os.environ.get(KEY_VARIABLE) or key_file(self.root / "pseudonym.key")
        if sys.stderr.isatty():
            variables["ATTUNE_TERMINAL"] = os.ttyname(sys.stderr.fileno())
        return variables


def run_locally(settings: Settings, root: Path, *, run_name: str = "", use_cache: bool = True) -> int:
    """Run the DAG and print the closing table; returns the exit code.

    Args:
        settings: what to run.
        root: folder for everything that the run leaves.
        run_name: name of the parent MLflow run and of notifications.
        use_cache: reuse stages whose code, configuration and inputs have not changed.
    """
    workspace = Workspace(root.absolute())
    run_id = uuid.uuid4().hex
    for folder in ("pipeline", "cache", "checkpoints", "logs", "mlflow-artifacts"):
        (workspace.root / folder).mkdir(parents=True, exist_ok=True)
    os.environ.update(workspace.environment(run_id, run_name))
    local.init(
        runner=local.SubprocessRunner(use_venv=False),
        pipeline_root=str(workspace.root / "pipeline"),
        enable_caching=use_cache,
        cache_root=str(workspace.root / "cache"),
        raise_on_error=False,
    )
    pipeline = build_pipeline(with_local_images(settings))
    console = Console(highlight=False)
    log_path = workspace.root / "logs" / f"{run_id}.log"
    with warnings.catch_warnings(), log_path.open("w", encoding="utf-8") as log, watch(console, log) as view:
        warnings.simplefilter("ignore")  # kfp.local warns once per task that cluster settings do nothing here
        pipeline(run_name=run_name or run_id[:8])
    _close(console, workspace, view, log_path)
    return exit_code(view)


def with_local_images(settings: Settings) -> Settings:
    """Name each stage's image by the content of its code, so that changed code misses the cache. Nothing is pulled: no image exists."""
    resources = {
        stage: settings.resources_of(stage).model_copy(update={"image": f"attune/python-{stage}:{code_digest(stage)[:16]}"})
        for stage in STAGES
    }
    cluster = settings.cluster.model_copy(update={"data_image": "attune/python-notify:local", "num_retries": 0})
    return settings.model_copy(update={"resources": resources, "cluster": cluster})


def stage_outputs(stage: StageProgress, workspace: Workspace) -> dict[str, Path]:
    """Return output name to path of a finished or reused stage, from KFP's own records."""
    if stage.cache_key:
        entries = list((workspace.root / "cache").glob(f"{stage.cache_key}*.json"))
        record = json.loads(entries[0].read_text(encoding="utf-8"))
        return {name: Path(value["uri"]) for name, value in record.items() if isinstance(value, Mapping) and "uri" in value}
    folders = sorted((workspace.root / "pipeline").glob(f"*/{stage.name.replace('_', '-')}"), key=lambda path: path.stat().st_mtime)
    return {path.name.replace("-", "_"): path for path in folders[-1].iterdir()} if folders else {}


def _registered(decision: Path) -> str:
    manifest = json.loads((decision / MANIFEST).read_text(encoding="utf-8"))["properties"]
    return f"{manifest['model_version']}, gate {manifest['verdict']}  (attune models; models:/{manifest['model_version']} in MLflow)"


def _close(console: Console, workspace: Workspace, view: RunView, log_path: Path) -> None:
    rows, pages = [], []
    for stage in view.stages:
        outputs = stage_outputs(stage, workspace) if stage.status in ("done", "reused") else {}
        metrics = json.loads(outputs["metrics"].read_text(encoding="utf-8")) if "metrics" in outputs else {}
        chosen = [f"{name} {metrics[name]:.4g}" for name in KEY_METRICS.get(stage.name, ()) if name in metrics]
        rows.append((stage.name, stage.status, f"{stage.seconds:.0f} s" if stage.seconds else "-", ", ".join(chosen)))
        pages += [(f"{stage.name} report", str(outputs[name])) for name in ("report", "curves") if name in outputs]
        if "decision" in outputs:
            pages.append(("registered model", _registered(outputs["decision"])))
    console.print()
    console.print(summary_table(rows))
    total, peak = sum(stage.seconds for stage in view.stages), max((stage.peak_mib for stage in view.stages), default=0)
    console.print(f"\ntotal {total:.0f} s, peak memory of a stage {peak / 1024:.1f} GiB")
    for name, place in pages:
        console.print(f"  {name:22} {place}", soft_wrap=True)
    console.print(f"  {'log':22} {log_path}", soft_wrap=True)
    console.print(f"  {'tracking, registry':22} mlflow ui --backend-store-uri {os.environ['MLFLOW_TRACKING_URI']}", soft_wrap=True)
    if exit_code(view):
        console.print(
            "\n[red]The run failed.[/red] Mend what the error names and give the same command again: finished stages are reused, "
        )
        console.print("an interrupted one continues from its checkpoint.")
