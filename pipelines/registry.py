"""Behind ``attune models | promote | rollback``: a person's view of the registry, and a person's decisions in it."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from components.register import versions
from components.register.probe import reload_difference
from components.shared import tracking
from components.shared.errors import ContractError

RELOAD_TOLERANCE = 1.0
"""Largest difference of a logit when a person promotes. The trained model may have run on other hardware and in bf16 (differences up to
some tenths); files, adapter and base are compared by digest at the same time, so this only catches a model that computes nonsense."""


@dataclass(frozen=True)
class VersionRow:
    """A registered version as a table shows it."""

    name: str
    version: str
    aliases: tuple[str, ...]
    verdict: str
    privacy: str
    reload: str
    created: str
    commit: str


def use_local_store(runs: Path) -> None:
    """Take the store of local runs, unless the environment names a tracking server."""
    store = runs.absolute() / "mlflow.db"
    if store.is_file():
        os.environ.setdefault("MLFLOW_TRACKING_URI", f"sqlite:///{store}")


def list_versions(name: str | None = None) -> list[VersionRow]:
    """Return the versions of one model, or of every model in the registry, the newest first.

    Raises:
        ContractError: the tracking server cannot be used.
    """
    client = tracking.tracking_client()
    with tracking.reached():
        names = [name] if name else sorted(model.name for model in client.search_registered_models())
        return [row for each in names for row in _rows(client, each)]


def promote(name: str, version: str, reason: str, *, override: bool = False, check: bool = True) -> str | None:
    """Make a version the champion, after loading it in a fresh process; the former champion becomes ``@previous``.

    Args:
        name: registered model.
        version: its number.
        reason: kept with the version, with date and user.
        override: promote although the gate refused it.
        check: load it first; off only where its base model cannot be loaded (a laptop before a large model).

    Returns:
        The former champion's version, None when there was none.

    Raises:
        ContractError: no such version, it does not reload, the gate refused it, no reason, or the server is away.
    """
    client = tracking.tracking_client()
    with tracking.reached():
        chosen = _version(client, name, version)
    if chosen.tags.get("gate.verdict") == "FAIL" and not override:
        raise ContractError(f"{name}/{version} was refused by the gate; read its model card, and say --override if you must")
    if chosen.tags.get("attune.reload") == "broken":
        raise ContractError(f"{name}/{version} did not reload as what was trained; it cannot be promoted, run the register stage again")
    if not reason.strip():
        raise ContractError("a promotion needs a reason: it is the record of who decided what")
    if check:
        _check(name, version)
    with tracking.reached():
        former = versions.promote(client, name, version, reason)
    return versions.number(former) if former else None


def rollback(name: str, reason: str, *, check: bool = True) -> tuple[str, str]:
    """Give ``@champion`` back to the version before, after loading that one in a fresh process.

    Returns:
        The version in service now, and the one taken out.

    Raises:
        ContractError: there is no version before, it does not reload, no reason, or the server is away.
    """
    client = tracking.tracking_client()
    with tracking.reached():
        previous = versions.with_alias(client, name, versions.PREVIOUS)
    if previous is not None and check:
        _check(name, versions.number(previous))
    with tracking.reached():
        current, withdrawn = versions.rollback(client, name, reason)
    return versions.number(current), versions.number(withdrawn)


def _check(name: str, version: str) -> None:
    difference = reload_difference(f"models:/{name}/{version}")
    if not difference <= RELOAD_TOLERANCE:
        raise ContractError(f"{name}/{version} computes other logits than the trained model (difference {difference:.3g}); do not serve it")


def _version(client: MlflowClient, name: str, version: str) -> ModelVersion:
    try:
        return client.get_model_version(name, version)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        known = ", ".join(sorted(f"{row.name}/{row.version}" for row in list_versions())) or "none"
        raise ContractError(f"there is no {name}/{version} in the registry; registered: {known}") from None


def _rows(client: MlflowClient, name: str) -> list[VersionRow]:
    found = client.search_model_versions(f"name = '{name}'", order_by=["version_number DESC"])
    held: dict[str, list[str]] = {}
    if found:  # search_model_versions leaves aliases empty
        for alias, number in client.get_registered_model(name).aliases.items():
            held.setdefault(str(number), []).append(alias)
    return [
        VersionRow(
            name=name,
            version=versions.number(version),
            aliases=tuple(sorted(held.get(versions.number(version), []))),
            verdict=version.tags.get("gate.verdict", "-"),
            privacy=version.tags.get("privacy_verdict", "-"),
            reload=version.tags.get("attune.reload", "not checked"),
            created=time.strftime("%Y-%m-%d %H:%M", time.localtime(version.creation_timestamp / 1000)),
            commit=version.tags.get("git.sha", "-")[:10],
        )
        for version in found
    ]
