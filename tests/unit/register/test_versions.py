"""Aliases in a real registry: who is champion, who was, and who may move what."""

from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from components.register import versions
from components.register.config import GateRules, RegisterConfig
from components.register.gate import Champion, Decision, decide
from components.shared.errors import ContractError
from tests.evaluations import good_report, privacy_report, rate_estimate, with_estimate

NAME = "attune-test"
AUTO = RegisterConfig(model_name=NAME, promote="auto")


class Registry:
    def __init__(self, uri: str, folder: Path) -> None:
        self.client = MlflowClient(uri)
        self.run_id = self.client.create_run(self.client.create_experiment("test")).info.run_id
        self.files = folder / "model"
        self.files.mkdir()
        (self.files / "MLmodel").write_text("flavors: {}\n")

    def version(self) -> ModelVersion:
        tags = {versions.CANDIDATE_TAG: "d" * 64, "git.sha": "c0ffee"}
        return versions.create(self.client, self.run_id, NAME, self.files, tags, "A version.")

    def aliases(self) -> dict[str, str | None]:
        held = {name: versions.with_alias(self.client, NAME, name) for name in ("champion", "previous", "challenger")}
        return {name: str(version.version) if version else None for name, version in held.items()}


@pytest.fixture
def registry(tracking_uri: str, tmp_path: Path) -> Registry:
    return Registry(tracking_uri, tmp_path)


def ruling(verdict: str, champion: str | None = None) -> Decision:
    report = {
        "PASS": good_report(),
        "INCONCLUSIVE": good_report(n=10),
        "FAIL": with_estimate(good_report(), "ppo", "crisis_red_failure", rate_estimate(5, 100, 0.02, 0.1)),
    }[verdict]
    decision = decide(report, privacy_report(), GateRules(champion=()), Champion(champion, None) if champion else None)
    assert decision.verdict == verdict
    return decision


def test_a_version_carries_its_lineage_and_is_found_again(registry: Registry) -> None:
    made = registry.version()
    found = versions.of_candidate(registry.client, NAME, "d" * 64)
    assert found is not None
    assert versions.number(found) == versions.number(made)
    assert found.tags["git.sha"] == "c0ffee"
    assert found.run_id == registry.run_id
    assert versions.of_candidate(registry.client, NAME, "e" * 64) is None
    outputs = registry.client.get_run(registry.run_id).outputs.model_outputs
    assert [f"models:/{output.model_id}" for output in outputs] == [made.source]


def test_a_passed_gate_moves_the_champion_and_keeps_the_former(registry: Registry) -> None:
    assert versions.settle(registry.client, AUTO, registry.version(), ruling("PASS"))
    assert registry.aliases() == {"champion": "1", "previous": None, "challenger": "1"}
    assert versions.settle(registry.client, AUTO, registry.version(), ruling("PASS", "1"))
    assert registry.aliases() == {"champion": "2", "previous": "1", "challenger": "2"}


@pytest.mark.parametrize("verdict", ["FAIL", "INCONCLUSIVE"])
def test_without_a_pass_the_champion_stays(registry: Registry, verdict: str) -> None:
    versions.settle(registry.client, AUTO, registry.version(), ruling("PASS"))
    assert not versions.settle(registry.client, AUTO, registry.version(), ruling(verdict, "1"))
    assert registry.aliases() == {"champion": "1", "previous": None, "challenger": "2"}


def test_promotion_is_left_to_a_person_by_default(registry: Registry) -> None:
    assert not versions.settle(registry.client, RegisterConfig(model_name=NAME), registry.version(), ruling("PASS"))
    assert registry.aliases() == {"champion": None, "previous": None, "challenger": "1"}


def test_bootstrap_lets_a_first_version_start_without_evidence_but_not_against_it(registry: Registry) -> None:
    bootstrap = RegisterConfig(model_name=NAME, promote="auto", bootstrap=True)
    assert not versions.settle(registry.client, bootstrap, registry.version(), ruling("FAIL"))
    assert versions.settle(registry.client, bootstrap, registry.version(), ruling("INCONCLUSIVE"))
    assert not versions.settle(registry.client, bootstrap, registry.version(), ruling("INCONCLUSIVE", "2"))
    assert registry.aliases() == {"champion": "2", "previous": None, "challenger": "3"}
    assert "bootstrap" in registry.client.get_model_version(NAME, "2").tags["attune.promoted_reason"]


def test_a_decision_that_saw_another_champion_moves_nothing(registry: Registry) -> None:
    for _ in range(2):
        versions.settle(registry.client, AUTO, registry.version(), ruling("FAIL"))
    versions.promote(registry.client, NAME, "2", "a person chose it")
    assert not versions.settle(registry.client, AUTO, registry.version(), ruling("PASS", None))
    assert registry.aliases()["champion"] == "2"


def test_settling_twice_changes_nothing(registry: Registry) -> None:
    versions.settle(registry.client, AUTO, registry.version(), ruling("PASS"))
    second = registry.version()
    for _ in range(2):
        assert versions.settle(registry.client, AUTO, second, ruling("PASS", "1"))
    assert registry.aliases() == {"champion": "2", "previous": "1", "challenger": "2"}


def test_rollback_returns_to_the_previous_champion_once(registry: Registry) -> None:
    for champion in (None, "1"):
        versions.settle(registry.client, AUTO, registry.version(), ruling("PASS", champion))
    current, withdrawn = versions.rollback(registry.client, NAME, "complaints")
    assert (versions.number(current), versions.number(withdrawn)) == ("1", "2")
    assert registry.aliases() == {"champion": "1", "previous": None, "challenger": "2"}
    assert registry.client.get_model_version(NAME, "2").tags["attune.withdrawn_reason"] == "complaints"
    with pytest.raises(ContractError, match="no @previous"):
        versions.rollback(registry.client, NAME, "again")


def test_a_person_needs_a_reason(registry: Registry) -> None:
    registry.version()
    with pytest.raises(ContractError, match="needs a reason"):
        versions.promote(registry.client, NAME, "1", "  ")
    assert registry.aliases()["champion"] is None
