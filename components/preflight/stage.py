"""preflight: everything that can fail cheaply fails here, all of it in one message, before a GPU is asked for."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from kfp import dsl

from components.preflight.config import PreflightConfig
from components.preflight.model_checks import ModelFacts, check_model
from components.preflight.resolution import ResolvedModel, resolve
from components.preflight.surroundings import CHECKPOINT_VARIABLE, DataFile, check_directory, check_tracking, read_data
from components.shared import tracking
from components.shared.artifacts import digest_of
from components.shared.errors import ContractError
from components.shared.outputs import publish_metrics, publish_parameter
from components.shared.pseudonym_key import read_key
from components.shared.pseudonym_key import secrets_digest as digest_of_secrets

Found = TypeVar("Found")


class Findings:
    """Problems of independent checks, so that one failure does not hide the next."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def attempt(self, check: Callable[..., Found], *arguments: Any) -> Found | None:
        """Return what a check found, or None after noting its problem."""
        try:
            return check(*arguments)
        except ContractError as error:
            self.problems.append(str(error))
            return None

    def raise_any(self) -> None:
        """Raise one ContractError that lists every problem; nothing without one."""
        if len(self.problems) == 1:
            raise ContractError(self.problems[0])
        if self.problems:
            lines = "".join(f"\n  {number}. {problem}" for number, problem in enumerate(self.problems, start=1))
            raise ContractError(f"{len(self.problems)} things to put right before a run:{lines}")


def run(
    conversations_uri: str,
    preferences_uri: str,
    empathy_ratings_uri: str,
    crisis_prompts_uri: str,
    general_text_uri: str,
    known_values_uri: str,
    base_model_id: str,
    base_model: dsl.OutputPath(str),  # type: ignore[valid-type]
    conversations_digest: dsl.OutputPath(str),  # type: ignore[valid-type]  # KFP's own annotation of an output path
    preferences_digest: dsl.OutputPath(str),  # type: ignore[valid-type]
    evaluation_digest: dsl.OutputPath(str),  # type: ignore[valid-type]
    secrets_digest: dsl.OutputPath(str),  # type: ignore[valid-type]
    metrics: dsl.Output[dsl.Metrics],
    base_model_revision: str = "main",
    config: dict[str, Any] = {},
) -> None:
    """Check model, data, services and disks, and pin what they are. Contract: README.md beside this file."""
    settings = PreflightConfig.parse(config)
    started = time.monotonic()
    findings = Findings()
    evaluation = {"empathy_ratings": empathy_ratings_uri, "crisis_prompts": crisis_prompts_uri, "general_text": general_text_uri}
    uris = {"conversations": conversations_uri, "preferences": preferences_uri, **evaluation}
    data = {name: findings.attempt(read_data, uri) for name, uri in uris.items()}
    model = findings.attempt(resolve, base_model_id, base_model_revision, settings.hub_timeout_seconds)
    facts = _check_model(model, findings)
    free_gib = _check_disks(Path(metrics.path).parent, settings, findings)
    findings.attempt(check_tracking)
    secrets = findings.attempt(lambda: digest_of_secrets(read_key(), known_values_uri))  # neither is kept or logged here
    findings.raise_any()
    assert model is not None  # else there was a problem
    assert facts is not None
    assert secrets is not None
    files = {name: file for name, file in data.items() if file is not None}
    with tracking.stage_run("preflight", settings) as stage:
        for name, file in files.items():
            stage.log_input(name, digest=file.digest, uri=uris[name], context="raw")
        stage.log_params({"base_model": model.reference.model_dump()})
        publish_parameter(base_model, model.reference.model_dump_json())
        publish_parameter(conversations_digest, files["conversations"].digest)
        publish_parameter(preferences_digest, files["preferences"].digest)
        publish_parameter(evaluation_digest, digest_of({name: files[name].digest for name in evaluation}))
        publish_parameter(secrets_digest, secrets)
        publish_metrics(metrics, _metrics(files, facts, free_gib, time.monotonic() - started), stage)


def _check_model(model: ResolvedModel | None, findings: Findings) -> ModelFacts | None:
    if model is None:
        return None
    facts, problems = check_model(model)
    findings.problems += problems
    return facts


def _check_disks(outputs: Path, settings: PreflightConfig, findings: Findings) -> float:
    free = [findings.attempt(check_directory, outputs, "the output directory", settings.min_free_gib)]
    if checkpoints := os.environ.get(CHECKPOINT_VARIABLE):
        free.append(findings.attempt(check_directory, Path(checkpoints), "the checkpoint directory", settings.min_free_gib))
    return min((value for value in free if value is not None), default=0.0)


def _metrics(files: dict[str, DataFile], facts: ModelFacts, free_gib: float, seconds: float) -> dict[str, float]:
    values: dict[str, float] = {f"{name}_bytes": file.size for name, file in files.items()}
    values |= {"context_length": facts.context_length, "vocabulary": facts.vocabulary, "weight_bytes": facts.weight_bytes}
    return values | {"free_gib": free_gib, "seconds": seconds}
