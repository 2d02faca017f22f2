"""Model versions and their aliases in MLflow's registry (torch-free; the ``attune`` command uses it too).

``@challenger`` is the newest version, ``@champion`` the one in service, ``@previous`` the one before it. An alias move is one call without
compare-and-swap, so the state is read again after it.
"""

import getpass
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput, LoggedModelStatus
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from components.register.config import RegisterConfig
from components.register.gate import Decision
from components.shared.errors import ContractError

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
CANDIDATE_TAG = "attune.candidate"
"""Digest over everything that decides a version: adapter, evaluation, configuration."""
_ABSENT = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}  # the second is what the SQL store answers for an unknown alias

_logger = logging.getLogger(__name__)


def number(version: ModelVersion) -> str:
    """Return a version's number as text: a SQL store answers with an integer, a server with a string."""
    return str(version.version)


def with_alias(client: MlflowClient, name: str, alias: str) -> ModelVersion | None:
    """Return the version that holds an alias, or None."""
    try:
        return client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code not in _ABSENT:
            raise
        return None


def of_candidate(client: MlflowClient, name: str, candidate: str) -> ModelVersion | None:
    """Return the finished version that an earlier attempt made of the same candidate, or None."""
    found = client.search_model_versions(f"name = '{name}' AND tags.`{CANDIDATE_TAG}` = '{candidate}'", max_results=1)
    return found[0] if found else None


def create(client: MlflowClient, run_id: str, name: str, files: Path, tags: Mapping[str, str], description: str) -> ModelVersion:
    """Upload a saved MLflow model and register it as a new version.

    Args:
        client: of the tracking server.
        run_id: the run that made it.
        name: registered model; made if it is new.
        files: an MLflow model directory.
        tags: lineage; the same on the logged model and the version.
        description: a short text for people.
    """
    run = client.get_run(run_id)
    model = client.create_logged_model(
        run.info.experiment_id, name=name, source_run_id=run_id, tags=dict(tags), model_type="ResponsesAgent"
    )
    client.log_model_artifacts(model.model_id, str(files))
    client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    try:
        client.create_registered_model(name, description="Support model trained, evaluated and registered by Attune.")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    return client.create_model_version(
        name, f"models:/{model.model_id}", run_id, tags=dict(tags), description=description, model_id=model.model_id
    )


def settle(client: MlflowClient, settings: RegisterConfig, version: ModelVersion, ruling: Decision) -> bool:
    """Point ``@challenger`` to a new version, and ``@champion`` where the configuration lets the gate do so.

    Returns:
        Whether the version is champion now.
    """
    name = settings.model_name
    client.set_registered_model_alias(name, CHALLENGER, number(version))
    holder = with_alias(client, name, CHAMPION)
    if holder is not None and number(holder) == number(version):
        return True
    first = settings.bootstrap and holder is None and ruling.verdict == "INCONCLUSIVE"
    if settings.promote == "manual" or not (first or ruling.verdict == "PASS"):
        return False
    if ruling.champion != (number(holder) if holder else None):
        _logger.warning("@%s moved since the decision: promotion is left to a person", CHAMPION)
        return False
    reason = "first version of its name, evidence incomplete (register.bootstrap)" if first else "the gate passed"
    promote(client, name, number(version), reason)
    return True


def promote(client: MlflowClient, name: str, version: str, reason: str) -> ModelVersion | None:
    """Make a version the champion and remember the former one as ``@previous``.

    Returns:
        The former champion; None when there was none. Nothing changes when the version is champion already.

    Raises:
        ContractError: no reason is given, or somebody else moved the alias meanwhile.
    """
    if not reason.strip():
        raise ContractError("a promotion needs a reason: it is the record of who decided what")
    former = with_alias(client, name, CHAMPION)
    if former is not None and number(former) == version:
        return former
    if former is not None:
        client.set_registered_model_alias(name, PREVIOUS, number(former))
        client.set_model_version_tag(name, number(former), "attune.replaced_by", version)
    client.set_registered_model_alias(name, CHAMPION, version)
    _record(client, name, version, "promoted", reason)
    now = with_alias(client, name, CHAMPION)
    if now is None or number(now) != version:
        raise ContractError(
            f"@{CHAMPION} of {name} is {now and number(now)}, not {version}: somebody moved it meanwhile; look before you go on"
        )
    return former


def rollback(client: MlflowClient, name: str, reason: str) -> tuple[ModelVersion, ModelVersion]:
    """Give ``@champion`` back to ``@previous``.

    Returns:
        The version in service now, and the one taken out. ``@previous`` is gone afterwards: rolling back twice would undo it.

    Raises:
        ContractError: there is no previous version, or no reason is given.
    """
    current, previous = with_alias(client, name, CHAMPION), with_alias(client, name, PREVIOUS)
    if current is None or previous is None:
        raise ContractError(
            f"{name} has no @{PREVIOUS} to roll back to; promote a version instead: attune promote {name} VERSION --reason ..."
        )
    if not reason.strip():
        raise ContractError("a rollback needs a reason: it is the record of who decided what")
    client.set_registered_model_alias(name, CHAMPION, number(previous))
    client.delete_registered_model_alias(name, PREVIOUS)
    _record(client, name, number(current), "withdrawn", reason)
    _record(client, name, number(previous), "promoted", f"rollback of version {number(current)}: {reason}")
    return previous, current


def _record(client: MlflowClient, name: str, version: str, event: str, reason: str) -> None:
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    facts: dict[str, Any] = {"at": moment, "by": getpass.getuser(), "reason": reason}
    for key, value in facts.items():
        client.set_model_version_tag(name, version, f"attune.{event}_{key}", value)
