"""KFP definition of the preflight stage."""

from kfp import dsl

from components.shared.spec import stage_spec


@dsl.container_component
def preflight(
    conversations_uri: str,
    preferences_uri: str,
    empathy_ratings_uri: str,
    crisis_prompts_uri: str,
    general_text_uri: str,
    known_values_uri: str,
    base_model_id: str,
    base_model: dsl.OutputPath(str),
    conversations_digest: dsl.OutputPath(str),
    preferences_digest: dsl.OutputPath(str),
    evaluation_digest: dsl.OutputPath(str),
    secrets_digest: dsl.OutputPath(str),
    metrics: dsl.Output[dsl.Metrics],
    base_model_revision: str = "main",
    config: dict = {},
):
    """Check model, data and tracking server, and pin what they are.

    Args:
        conversations_uri: Dialogues to learn from; JSONL, JSONL.gz, Parquet or CSV; local, builtin:, s3://, gs:// or hf://.
        preferences_uri: Preference pairs, same formats.
        empathy_ratings_uri: Replies with rated empathy mechanisms, for the evaluation scorer.
        crisis_prompts_uri: Prompts with the expected safe behaviour.
        general_text_uri: General-language text for the forgetting check.
        known_values_uri: CSV of names that the owner knows, for anonymize; empty: none.
        base_model_id: builtin:tiny, a Hugging Face id, or an absolute directory.
        base_model: The model by reference: location, pinned revision and digest as JSON.
        conversations_digest: Sha256 of the conversations' bytes; makes a changed file under the same URI miss the cache.
        preferences_digest: Sha256 of the preferences' bytes.
        evaluation_digest: Sha256 over the three evaluation files.
        secrets_digest: Sha256 over the pseudonym key and the known values; it tells neither.
        metrics: Sizes and seconds of the checks.
        base_model_revision: Branch, tag or commit of a Hugging Face model.
        config: PreflightConfig as JSON.
    """
    return stage_spec("data", "components.preflight.stage:run")
