"""KFP definition of the anonymize stage."""

from kfp import dsl

from components.shared.spec import stage_spec


@dsl.container_component
def anonymize(
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
    config: dict = {},
):
    """Find personal data, replace them consistently, and check that no original value is left.

    Args:
        conversations: conversations/v1.
        preferences: preferences/v1.
        anonymized_conversations: conversations/v1 with anonymized=true.
        anonymized_preferences: preferences/v1 with anonymized=true.
        original_values: original_values/v1: keyed hashes of what was replaced; privacy_audit searches generated text for them.
        quarantine: Rows in which an original value survived, or may have: line and reason; never text.
        report: Types and counts, measured recall where gold spans exist; never text.
        metrics: Entities by type, recall, share of masked characters, leaks.
        known_values_uri: CSV of names that the owner knows (value or value,type a line); empty: none.
        secrets_digest: Sha256 over key and known values that preflight saw; others stop the stage. Empty: not checked.
        config: AnonymizeConfig as JSON.
    """
    return stage_spec("train", "components.anonymize.stage:run")
