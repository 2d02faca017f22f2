"""What is to be registered: the adapter, its base, and the evaluation and privacy audit of exactly these two."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.register.config import RegisterConfig
from components.register.gate import CANDIDATE, Decision
from components.shared import tracking
from components.shared.artifacts import Manifest, digest_of, open_sealed
from components.shared.base_model import BaseModelReference, read_reference
from components.shared.errors import ContractError
from components.shared.eval_report import EvaluationArtifact
from components.shared.modeling import ADAPTER_SCHEMA
from components.shared.privacy_report import PrivacyReport, read_privacy_report
from components.shared.provenance import git_commit, package_version
from components.shared.tracking import StageRun


@dataclass(frozen=True)
class Candidate:
    """The opened inputs of the stage.

    Attributes:
        evaluation: eval_report/v1.
        privacy: the privacy audit.
        privacy_digest: of its artifact.
        reference: the base model.
        directory: of the adapter.
        manifest: of the adapter.
    """

    evaluation: EvaluationArtifact
    privacy: PrivacyReport
    privacy_digest: str
    reference: BaseModelReference
    directory: Path
    manifest: Manifest

    @classmethod
    def open(cls, eval_report: Any, privacy_report: Any, base_model: Any, adapter: Any) -> "Candidate":
        """Open the input artifacts.

        Raises:
            ContractError: one is broken, or the evaluation or the audit is of another adapter or base.
        """
        evaluation, reference = EvaluationArtifact(eval_report), read_reference(base_model)
        directory, manifest = open_sealed(adapter, ADAPTER_SCHEMA)
        privacy, privacy_manifest = read_privacy_report(privacy_report)
        report = evaluation.report()
        given = {"adapter": manifest.digest, "base model": reference.digest}
        for judge, stage, judged in (
            ("evaluation", "evaluate", {"adapter": report.adapter_digests.get(CANDIDATE), "base model": report.base_digest}),
            ("privacy audit", "privacy_audit", {"adapter": privacy.adapter_digest, "base model": privacy.base_digest}),
        ):
            for what, digest in given.items():
                if judged[what] != digest:
                    raise ContractError(
                        f"the {judge} judged {what} {str(judged[what])[:12]}, but {digest[:12]} is to be registered; "
                        f"wire the same artifacts to {stage} and register"
                    )
        return cls(evaluation, privacy, privacy_manifest.digest, reference, directory, manifest)

    def digest(self, settings: RegisterConfig) -> str:
        """Name everything that decides a version, so that a retried stage finds the one it made."""
        facts = {"adapter": self.manifest.digest, "evaluation": self.evaluation.manifest.digest, "base": self.reference.digest}
        return digest_of({**facts, "privacy": self.privacy_digest, "config": settings.to_parameter()})

    def tags(self, run: StageRun, decision: Decision) -> Mapping[str, str]:
        """Return the lineage of a version: from the registry back to run, code, data and decision."""
        report = self.evaluation.report()
        parent = run.client.get_run(run.run_id).data.tags.get(tracking.PARENT_TAG, "")
        tags = {
            tracking.PIPELINE_TAG: os.environ.get(tracking.RUN_ID_VARIABLE, ""),
            "mlflow.parent_run_id": parent,
            "git.sha": git_commit(),
            "attune.version": package_version(),
            "base.uri": self.reference.uri,
            "base.revision": self.reference.revision,
            "base.digest": self.reference.digest,
            "adapter.digest": self.manifest.digest,
            "adapter.parents": json.dumps(self.manifest.parents, sort_keys=True),
            "data.test_digest": report.test_digest,
            "data.evaluation_digest": report.evaluation_digest,
            "evaluation.digest": self.evaluation.manifest.digest,
            "privacy.digest": self.privacy_digest,
            "privacy_verdict": self.privacy.verdict,
            "gate.verdict": decision.verdict,
            "gate.sha256": digest_of(decision.model_dump(mode="json")),
        }
        return {key: value for key, value in tags.items() if value}
