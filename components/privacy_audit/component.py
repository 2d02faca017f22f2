"""KFP definition of the privacy_audit stage."""

from kfp import dsl

from components.shared.spec import stage_spec


@dsl.container_component
def privacy_audit(
    train: dsl.Input[dsl.Dataset],
    test: dsl.Input[dsl.Dataset],
    canaries: dsl.Input[dsl.Dataset],
    original_values: dsl.Input[dsl.Dataset],
    base_model: str,
    sft_adapter: dsl.Input[dsl.Model],
    ppo_adapter: dsl.Input[dsl.Model],
    privacy_report: dsl.Output[dsl.Dataset],
    report: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    config: dict = {},
):
    """Attack the trained model: canaries, extraction, membership, original values, copied text.

    Args:
        train: dataset_split/v1: the members.
        test: dataset_split/v1: people whom no model has seen, as the comparison.
        canaries: canaries/v1: the secrets that split planted, and their twins.
        original_values: original_values/v1: keyed hashes of what anonymize replaced.
        base_model: The model by reference (JSON), from preflight.
        sft_adapter: lora_adapter/v1.
        ppo_adapter: lora_adapter/v1, the candidate.
        privacy_report: privacy_report/v1: every check with value, bounds, n, limits and outcome; the verdict.
        report: The verdict, the checks and how to read them; never text.
        metrics: The numbers of the checks.
        config: PrivacyAuditConfig as JSON.
    """
    return stage_spec("train", "components.privacy_audit.stage:run")
