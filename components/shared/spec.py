"""The one container specification that every component uses."""

from kfp import dsl

DEFAULT_REGISTRY = "ghcr.io/attune"


def stage_spec(image: str, stage: str) -> dsl.ContainerSpec:
    """Describe the container of a stage: plain image and command, nothing inlined.

    ``kfp.dsl.executor_main`` among the arguments is what lets ``kfp.local.SubprocessRunner`` accept a container component, so the same
    definition runs without Docker; ``components.shared.launch`` reads and ignores it.

    Args:
        image: ``data`` or ``train``; the pipeline replaces it by the run's image parameter.
        stage: ``module:function`` of the stage's ``run``.
    """
    return dsl.ContainerSpec(
        image=f"{DEFAULT_REGISTRY}/{image}",
        command=["python3", "-u", "-m", "components.shared.launch"],
        args=[
            "--executor",
            "kfp.dsl.executor_main",
            "--stage",
            stage,
            "--executor_input",
            dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
        ],
    )
