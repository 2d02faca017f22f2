"""KFP definition of the validate_data stage."""

from kfp import dsl

from components.shared.spec import stage_spec


@dsl.container_component
def validate_data(
    conversations_uri: str,
    preferences_uri: str,
    conversations_digest: str,
    preferences_digest: str,
    conversations: dsl.Output[dsl.Dataset],
    preferences: dsl.Output[dsl.Dataset],
    quarantine: dsl.Output[dsl.Dataset],
    checks: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    config: dict = {},
):
    """Read raw rows, quarantine the unusable ones with their reason, and assert the expectation suites.

    Args:
        conversations_uri: Raw dialogues.
        preferences_uri: Raw preference pairs.
        conversations_digest: Sha256 that preflight saw; other bytes now stop the stage.
        preferences_digest: Sha256 that preflight saw.
        conversations: Valid rows, conversations/v1.
        preferences: Valid rows, preferences/v1.
        quarantine: One line per refused row: file, line, id, reason codes; never its text.
        checks: Great Expectations results (booleans only), JSON.
        report: What was checked and what was refused.
        metrics: Rows in, out and quarantined; share of invalid rows; length-rule accuracy.
        config: ValidateDataConfig as JSON.
    """
    return stage_spec("data", "components.validate_data.stage:run")
