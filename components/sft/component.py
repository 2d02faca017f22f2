"""KFP definition of the sft stage."""

from kfp import dsl

from components.shared.spec import stage_spec


@dsl.container_component
def sft(
    train: dsl.Input[dsl.Dataset],
    validation: dsl.Input[dsl.Dataset],
    base_model: str,
    adapter: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
    curves: dsl.Output[dsl.HTML],
    config: dict = {},
):
    """Fine-tune a LoRA adapter on the assistant's turns.

    Args:
        train: dataset_split/v1.
        validation: dataset_split/v1.
        base_model: The model by reference (JSON), from preflight.
        adapter: lora_adapter/v1 in PEFT's format.
        metrics: Final losses, trainable share, tokens.
        curves: Loss and learning rate over steps.
        config: SftConfig as JSON.
    """
    return stage_spec("train", "components.sft.stage:run")
