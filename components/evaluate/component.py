"""KFP definition of the evaluate stage."""

from kfp import dsl

from components.shared.spec import stage_spec


@dsl.container_component
def evaluate(
    test: dsl.Input[dsl.Dataset],
    base_model: str,
    sft_adapter: dsl.Input[dsl.Model],
    ppo_adapter: dsl.Input[dsl.Model],
    empathy_ratings_uri: str,
    crisis_prompts_uri: str,
    general_text_uri: str,
    evaluation_digest: str,
    eval_report: dsl.Output[dsl.Dataset],
    report: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    config: dict = {},
):
    """Compare base, SFT and PPO on held-out people: perplexity, empathy, crisis behaviour, forgetting.

    Args:
        test: dataset_split/v1.
        base_model: The model by reference (JSON), from preflight.
        sft_adapter: lora_adapter/v1.
        ppo_adapter: lora_adapter/v1, the candidate.
        empathy_ratings_uri: Rated replies from which the empathy scorer is trained, disjoint from the preferences.
        crisis_prompts_uri: Prompts with the expected safe behaviour.
        general_text_uri: General-language text.
        evaluation_digest: Sha256 that preflight saw over the three files.
        eval_report: eval_report/v1: every metric per item and arm, and the summary with intervals.
        report: The comparison with plots and replies side by side.
        metrics: The summary's numbers.
        config: EvaluateConfig as JSON.
    """
    return stage_spec("train", "components.evaluate.stage:run")
