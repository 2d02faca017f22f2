"""What a person sees and decides in the registry."""

import os
from pathlib import Path

import pytest
from mlflow import MlflowClient

from components.register import versions
from components.shared.errors import ContractError
from pipelines import registry

NAME = "attune-test"


@pytest.fixture
def client(tracking_uri: str, tmp_path: Path) -> MlflowClient:
    """A registry with a refused version 1, and versions 2 and 3 that passed."""
    client = MlflowClient(tracking_uri)
    run_id = client.create_run(client.create_experiment("test")).info.run_id
    files = tmp_path / "model"
    files.mkdir()
    (files / "MLmodel").write_text("flavors: {}\n")
    for verdict in ("FAIL", "PASS", "PASS"):
        tags = {"gate.verdict": verdict, "privacy_verdict": "WARN", "git.sha": "c0ffee" * 5, "attune.reload": "equal within 0"}
        versions.create(client, run_id, NAME, files, tags, "A version.")
    return client


def test_versions_are_listed_with_aliases_and_verdict(client: MlflowClient) -> None:
    registry.promote(NAME, "2", "first", check=False)
    registry.promote(NAME, "3", "better in review", check=False)
    client.set_registered_model_alias(NAME, "challenger", "3")
    rows = registry.list_versions(NAME)
    assert [(row.version, row.aliases, row.verdict) for row in rows] == [
        ("3", ("challenger", "champion"), "PASS"),
        ("2", ("previous",), "PASS"),
        ("1", (), "FAIL"),
    ]
    assert rows[0].commit == "c0ffeec0ff"
    assert {row.privacy for row in rows} == {"WARN"}
    assert registry.list_versions() == rows


def test_an_empty_registry_has_no_rows(tracking_uri: str) -> None:
    assert registry.list_versions() == []
    assert registry.list_versions("nobody") == []


def test_promotion_and_rollback_tell_who_was_replaced(client: MlflowClient) -> None:
    assert registry.promote(NAME, "2", "first", check=False) is None
    assert registry.promote(NAME, "3", "better", check=False) == "2"
    assert registry.rollback(NAME, "complaints", check=False) == ("2", "3")
    with pytest.raises(ContractError, match="no @previous"):
        registry.rollback(NAME, "again", check=False)


def test_what_the_gate_refused_needs_an_override(client: MlflowClient) -> None:
    with pytest.raises(ContractError, match="refused by the gate"):
        registry.promote(NAME, "1", "I like it", check=False)
    assert versions.with_alias(client, NAME, "champion") is None
    registry.promote(NAME, "1", "two reviewers agreed", override=True, check=False)
    assert client.get_model_version(NAME, "1").tags["attune.promoted_reason"] == "two reviewers agreed"


def test_a_broken_version_is_never_promoted(client: MlflowClient) -> None:
    client.set_model_version_tag(NAME, "2", "attune.reload", "broken")
    with pytest.raises(ContractError, match="did not reload"):
        registry.promote(NAME, "2", "x", override=True, check=False)


def test_a_version_that_cannot_be_loaded_does_not_become_champion(client: MlflowClient) -> None:
    with pytest.raises(ContractError, match="cannot be loaded in a fresh process"):
        registry.promote(NAME, "2", "x")
    assert versions.with_alias(client, NAME, "champion") is None


@pytest.mark.parametrize(("name", "version"), [(NAME, "9"), (NAME, "latest"), ("nobody", "1")])
def test_an_unknown_version_is_answered_with_what_there_is(client: MlflowClient, name: str, version: str) -> None:
    with pytest.raises(ContractError, match=f"registered: {NAME}/1, {NAME}/2, {NAME}/3"):
        registry.promote(name, version, "x", check=False)


def test_the_store_of_local_runs_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    registry.use_local_store(tmp_path)
    with pytest.raises(ContractError, match="MLFLOW_TRACKING_URI is not set"):
        registry.list_versions()
    (tmp_path / "mlflow.db").touch()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://given.example.org")
    registry.use_local_store(tmp_path)
    assert os.environ["MLFLOW_TRACKING_URI"] == "http://given.example.org"
