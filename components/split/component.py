"""KFP definition of the split stage."""

from kfp import dsl

from components.shared.spec import stage_spec


@dsl.container_component
def split(
    conversations: dsl.Input[dsl.Dataset],
    preferences: dsl.Input[dsl.Dataset],
    train: dsl.Output[dsl.Dataset],
    validation: dsl.Output[dsl.Dataset],
    test: dsl.Output[dsl.Dataset],
    canaries: dsl.Output[dsl.Dataset],
    metrics: dsl.Output[dsl.Metrics],
    config: dict = {},
):
    """Split by person, near-duplicates on one side, the same way for the same seed.

    Args:
        conversations: conversations/v1, anonymized.
        preferences: preferences/v1, anonymized.
        train: dataset_split/v1: conversations and preference pairs to learn from.
        validation: dataset_split/v1: for choices during training.
        test: dataset_split/v1: looked at once, by evaluate.
        canaries: canaries/v1: made-up secrets planted in train and their unplanted twins; empty unless asked for.
        metrics: Rows, people and near-duplicates removed per split.
        config: SplitConfig as JSON.
    """
    return stage_spec("data", "components.split.stage:run")
