"""KFP definition of the register stage."""

from kfp import dsl

from components.shared.spec import stage_spec


@dsl.container_component
def register(
    eval_report: dsl.Input[dsl.Dataset],
    privacy_report: dsl.Input[dsl.Dataset],
    base_model: str,
    adapter: dsl.Input[dsl.Model],
    model_version: dsl.OutputPath(str),
    decision: dsl.Output[dsl.Artifact],
    model_card: dsl.Output[dsl.Markdown],
    metrics: dsl.Output[dsl.Metrics],
    config: dict = {},
):
    """Decide by the gate, register the adapter in MLflow with its lineage, and move the aliases.

    Args:
        eval_report: eval_report/v1.
        privacy_report: privacy_report/v1, the audit of the same adapter.
        base_model: The model by reference (JSON), from preflight.
        adapter: lora_adapter/v1, the candidate.
        model_version: NAME/VERSION in the registry.
        decision: decision.json: every gate rule with value, bound and outcome.
        model_card: What the model is, was trained on, can and cannot do.
        metrics: Gate outcomes as numbers.
        config: RegisterConfig as JSON.
    """
    return stage_spec("train", "components.register.stage:run")
