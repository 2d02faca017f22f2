"""KFP definition of the ppo stage."""

from kfp import dsl

from components.shared.spec import stage_spec


@dsl.container_component
def ppo(
    train: dsl.Input[dsl.Dataset],
    validation: dsl.Input[dsl.Dataset],
    base_model: str,
    sft_adapter: dsl.Input[dsl.Model],
    reward_model: dsl.Input[dsl.Model],
    adapter: dsl.Output[dsl.Model],
    rollouts: dsl.Output[dsl.Dataset],
    metrics: dsl.Output[dsl.Metrics],
    curves: dsl.Output[dsl.HTML],
    config: dict = {},
):
    """Optimise the SFT policy against the reward model with PPO; one frozen base, an adapter for each role, one optimizer step.

    Args:
        train: dataset_split/v1; prompts, and conversations for the ptx cross-entropy.
        validation: dataset_split/v1; prompts for evaluation during training.
        base_model: The model by reference (JSON), from preflight.
        sft_adapter: lora_adapter/v1, the reference policy.
        reward_model: reward_model/v1.
        adapter: lora_adapter/v1, the trained policy.
        rollouts: rollouts/v1: sampled replies with score and KL.
        metrics: Final reward, KL, entropy, clip fraction.
        curves: The curves that a practitioner looks at first.
        config: PpoConfig as JSON.
    """
    return stage_spec("train", "components.ppo.stage:run")
