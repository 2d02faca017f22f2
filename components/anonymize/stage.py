"""The anonymize stage: personal data are found and replaced, the result is checked for leaks, the recall is measured."""

from pathlib import Path
from typing import Any

from kfp import dsl

from components.anonymize.audit_page import audit_page
from components.anonymize.config import AnonymizeConfig
from components.anonymize.corpus import CorpusRun
from components.anonymize.facts import Facts
from components.anonymize.passes import Written, engines
from components.anonymize.people import Spool
from components.anonymize.vault import VaultWriter
from components.shared import artifacts, tracking
from components.shared.checkpoint_folders import checkpoint_directory, remove
from components.shared.dataset_splits import CONVERSATIONS_FILE, CONVERSATIONS_SCHEMA, PREFERENCES_FILE, PREFERENCES_SCHEMA
from components.shared.errors import ContractError, DataGateError
from components.shared.original_values import ORIGINAL_VALUES_SCHEMA
from components.shared.outputs import publish_metrics, publish_page
from components.shared.pseudonym_key import fingerprint, read_key
from components.shared.pseudonym_key import secrets_digest as digest_of_secrets
from components.shared.records import write_rows

QUARANTINE_SCHEMA = "quarantine/v1"
QUARANTINE_FILE = "quarantine.jsonl"
REVIEW_FILE = "review.jsonl"
"""One line a conversation: how uncertain each turn's findings are, for ``attune sample-review``; numbers only."""
_FILES = (CONVERSATIONS_FILE, PREFERENCES_FILE)
_SCHEMAS = (CONVERSATIONS_SCHEMA, PREFERENCES_SCHEMA)


def run(
    conversations: dsl.Input[dsl.Dataset],
    preferences: dsl.Input[dsl.Dataset],
    anonymized_conversations: dsl.Output[dsl.Dataset],
    anonymized_preferences: dsl.Output[dsl.Dataset],
    original_values: dsl.Output[dsl.Dataset],
    quarantine: dsl.Output[dsl.Dataset],
    report: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    known_values_uri: str = "",
    secrets_digest: str = "",
    config: dict[str, Any] = {},
) -> None:
    """Replace personal data, check that none is left, measure the recall. Contract: README.md beside this file."""
    settings = AnonymizeConfig.parse(config)
    key = read_key()
    secrets = digest_of_secrets(key, known_values_uri)
    if secrets_digest and secrets_digest != secrets:
        raise ContractError("the pseudonym key or the list of known values has changed since preflight; start the run again")
    vault = VaultWriter(settings.vault) if settings.vault else None
    inputs = [artifacts.open_sealed(artifact, schema) for artifact, schema in zip((conversations, preferences), _SCHEMAS, strict=True)]
    parents = {name: manifest.digest for name, (_, manifest) in zip(("conversations", "preferences"), inputs, strict=True)}
    paths = [directory / name for (directory, _), name in zip(inputs, _FILES, strict=True)]
    with tracking.stage_run("anonymize", settings) as run:
        for name, artifact in (("conversations", conversations), ("preferences", preferences)):
            run.log_input(name, digest=parents[name], uri=artifact.uri, context="raw")
        checkpoint = checkpoint_directory("anonymize", settings.to_parameter(), {**parents, "secrets": secrets})
        outputs = (anonymized_conversations, anonymized_preferences)
        spools = [Spool(artifacts.start(output.path) / f".{name}.spool") for output, name in zip(outputs, _FILES, strict=True)]
        reviews = Spool(Path(anonymized_conversations.path) / f".{REVIEW_FILE}.spool")
        result = CorpusRun(paths, settings, checkpoint, known_values_uri).run(spools, reviews, vault)
        if vault is not None:
            vault.close()
        assert result.rows_in == sum(map(len, spools)) + len(result.quarantined), "every row is written or quarantined"
        facts = Facts(settings, result, engines(settings, known_values_uri), fingerprint(key))
        write_rows(artifacts.start(quarantine.path) / QUARANTINE_FILE, map(_quarantine_entry, result.quarantined))
        artifacts.seal(quarantine, QUARANTINE_SCHEMA, properties={"rows": len(result.quarantined)}, parents=parents)
        refusals = facts.refusals()
        publish_metrics(metrics, facts.metrics(), run)
        publish_page(report, audit_page(facts, refusals), run, "anonymize.html")
        if refusals:
            for spool in (*spools, reviews):
                spool.remove()
            raise DataGateError(" ".join(refusals))
        result.originals.everything.write(artifacts.start(original_values.path))
        artifacts.seal(original_values, ORIGINAL_VALUES_SCHEMA, properties={"values": len(result.originals.everything)}, parents=parents)
        _write(reviews, Path(anonymized_conversations.path) / REVIEW_FILE)
        for output, schema, name, spool in zip(outputs, _SCHEMAS, _FILES, spools, strict=True):
            properties = {"rows": len(spool), "anonymized": True, "detector": facts.engines.detector.name, "key_fingerprint": facts.key}
            _write(spool, Path(output.path) / name)
            artifacts.seal(output, schema, properties=properties, parents=parents)
    remove(checkpoint)


def _write(spool: Spool, path: Path) -> None:
    with path.open("wb") as file:
        file.writelines(spool.in_order())
    spool.remove()


def _quarantine_entry(row: Written) -> dict[str, Any]:
    """Name the row by file and line; its id only as a digest, because the id may be what leaks."""
    return {
        "file": _FILES[row.place.file],
        "line": row.place.line,
        "id_digest": artifacts.digest_of(row.row_id)[:16],
        "codes": [row.reason],
        "severity": "critical",
    }
