"""KFP definition of the notify exit task."""

from kfp import dsl

from components.shared.spec import stage_spec


@dsl.container_component
def notify(status: dsl.PipelineTaskFinalStatus, run_name: str = "", config: dict = {}):
    """Close the parent MLflow run and, where a webhook is configured, say how the run ended.

    Args:
        status: How the pipeline ended, filled in by KFP.
        run_name: Shown in the message.
        config: NotifyConfig as JSON.
    """
    return stage_spec("data", "components.notify.stage:run")
