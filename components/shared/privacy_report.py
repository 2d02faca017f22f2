"""The layout of ``privacy_report/v1``: what privacy_audit writes and register's gate reads (torch-free).

``report.json`` is one ``PrivacyReport``: numbers, ids and hashes, never a word that a person or a model wrote.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from components.shared.artifacts import Manifest, open_sealed

PRIVACY_REPORT_SCHEMA = "privacy_report/v1"
REPORT_FILE = "report.json"
VERDICT_TAG = "attune.privacy_verdict"
"""Tag of the stage's MLflow run."""
Verdict = Literal["PASS", "WARN", "BLOCK"]
Outcome = Literal["PASS", "WARN", "BLOCK", "INCONCLUSIVE", "NOT MEASURED"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Check(_Frozen):
    """One question to the model: what was measured, how sure it is, and what follows."""

    name: str
    """Such as ``membership/loss_auc``."""
    label: str
    """For people."""
    value: float | None
    """Of the candidate; None when it was not measured."""
    lower_bound: float | None = None
    """One-sided 95 % bounds of the value; None where the value is a count of which one case is enough."""
    upper_bound: float | None = None
    n: int
    """Units behind the value."""
    unit: str
    """What is counted: canaries, people, prefixes, generations."""
    base: float | None = None
    """The same number of the base model, which has seen none of the data; None when it was not measured."""
    sft: float | None = None
    """The same number of the fine-tuned model before PPO."""
    warn_above: float | None
    """A value above warns."""
    block_above: float | None
    """A value that is surely above blocks."""
    outcome: Outcome
    reason: str
    """One sentence with the numbers."""


class CanaryExposure(_Frozen):
    """How much the models prefer one planted secret, or an unplanted twin, to all others of its form."""

    id: str
    kind: str
    repetitions: int
    """Copies in train; 0: a twin."""
    bits: dict[str, float]
    """Arm to exposure, bits; twins have the candidate's only."""


class PrivacyReport(_Frozen):
    """``report.json``."""

    verdict: Verdict
    checks: list[Check]
    canaries: list[CanaryExposure]
    adapter_digest: str
    """Of the candidate (the PPO adapter)."""
    base_digest: str
    parents: dict[str, str]
    """Input name to digest."""
    facts: dict[str, Any] = Field(default_factory=dict)
    """Counts and settings."""

    def check(self, name: str) -> Check:
        """Return one check; KeyError when the report has none of that name."""
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    def count(self, outcome: Outcome) -> int:
        """Return how many checks had an outcome."""
        return sum(check.outcome == outcome for check in self.checks)


def read_privacy_report(artifact: Any) -> tuple[PrivacyReport, Manifest]:
    """Open an input artifact; see ``artifacts.open_sealed`` for its errors."""
    directory, manifest = open_sealed(artifact, PRIVACY_REPORT_SCHEMA)
    return parse_privacy_report(directory), manifest


def parse_privacy_report(directory: Path) -> PrivacyReport:
    """Return the report of a directory."""
    return PrivacyReport.model_validate_json((directory / REPORT_FILE).read_text(encoding="utf-8"))
