"""KFP definition of the anonymize stage."""

from kfp import dsl

from components.shared.spec import stage_spec


@dsl.container_component
def anonymize(
    conversations: dsl.Input[dsl.Dataset],
    preferences: dsl.Input[dsl.Dataset],
    anonymized_conversations: dsl.Output[dsl.Dataset],
    anonymized_preferences: dsl.Output[dsl.Dataset],
    quarantine: dsl.Output[dsl.Dataset],
    report: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    config: dict = {},
):
    """Find personal data and replace them by placeholders that are consistent within a conversation.

    Args:
        conversations: conversations/v1.
        preferences: preferences/v1.
        anonymized_conversations: conversations/v1 with anonymized=true.
        anonymized_preferences: preferences/v1 with anonymized=true.
        quarantine: Rows in which an original value survived: id and reason; never text.
        report: Types and counts, measured recall where gold spans exist; never text.
        metrics: Entities by type, recall, share of masked characters, leaks.
        config: AnonymizeConfig as JSON.
    """
    return stage_spec("data", "components.anonymize.stage:run")
