"""KFP definition of the reward stage."""

from kfp import dsl

from components.shared.spec import stage_spec


@dsl.container_component
def reward(
    train: dsl.Input[dsl.Dataset],
    validation: dsl.Input[dsl.Dataset],
    base_model: str,
    sft_adapter: dsl.Input[dsl.Model],
    reward_model: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
    curves: dsl.Output[dsl.HTML],
    config: dict = {},
):
    """Learn r(x, y) from preference pairs: a LoRA adapter that starts from the SFT adapter, and a scalar head.

    Args:
        train: dataset_split/v1.
        validation: dataset_split/v1; its pairs are held out.
        base_model: The model by reference (JSON), from preflight.
        sft_adapter: lora_adapter/v1.
        reward_model: reward_model/v1: adapter, head, mean and standard deviation of scores.
        metrics: Held-out accuracy with interval, length correlation, loss.
        curves: Loss and accuracy over steps.
        config: RewardConfig as JSON.
    """
    return stage_spec("train", "components.reward.stage:run")
