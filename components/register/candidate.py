"""What is to be registered: the adapter, its base, and the evaluation of exactly these two."""

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
from components.shared.provenance import git_commit, package_version
from components.shared.tracking import StageRun


@dataclass(frozen=True)
class Candidate:
    """The opened inputs of the stage.

    Attributes:
        evaluation: eval_report/v1.
        reference: the base model.
        directory: of the adapter.
        manifest: of the adapter.
    """

    evaluation: EvaluationArtifact
    reference: BaseModelReference
    directory: Path
    manifest: Manifest

    @classmethod
    def open(cls, eval_report: Any, base_model: Any, adapter: Any) -> "Candidate":
        """Open the input artifacts.

        Raises:
            ContractError: one is broken, or the evaluation is of another adapter or base.
        """
        evaluation, reference = EvaluationArtifact(eval_report), read_reference(base_model)
        directory, manifest = open_sealed(adapter, ADAPTER_SCHEMA)
        report = evaluation.report()
        judged = {"adapter": report.adapter_digests.get(CANDIDATE), "base model": report.base_digest}
        given = {"adapter": manifest.digest, "base model": reference.digest}
        for what, digest in given.items():
            if judged[what] != digest:
                raise ContractError(
                    f"the evaluation judged {what} {str(judged[what])[:12]}, but {digest[:12]} is to be registered; "
                    "wire the same artifacts to evaluate and register"
                )
        return cls(evaluation, reference, directory, manifest)

    def digest(self, settings: RegisterConfig) -> str:
        """Name everything that decides a version, so that a retried stage finds the one it made."""
        facts = {"adapter": self.manifest.digest, "evaluation": self.evaluation.manifest.digest, "base": self.reference.digest}
        return digest_of({**facts, "config": settings.to_parameter()})

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
            "gate.verdict": decision.verdict,
            "gate.sha256": digest_of(decision.model_dump(mode="json")),
        }
        return {key: value for key, value in tags.items() if value}
