"""The run-time parameters of the pipeline, as the Kubeflow UI shows them: typed, prefixed, with defaults from a profile.

The UI sorts them by name, so each begins with its group: ``data_``, ``base_model_``, then a group per stage. They are made from one table
instead of being written out, because every stage has the same seven placement parameters and nobody should retype a default.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipelines.settings import GPU_STAGES, STAGES, Settings, absolute_uri


@dataclass(frozen=True)
class Parameter:
    """One field of the run form."""

    name: str
    type: type
    default: Any
    description: str


_PLACEMENT: dict[str, tuple[type, str]] = {
    "image": (str, "image reference, by digest"),
    "cpu": (str, "CPU request and limit"),
    "memory": (str, "memory request and limit"),
    "gpu_count": (int, "number of accelerators"),
    "gpu_type": (str, "accelerator resource name"),
    "node_selector": (dict, "labels of the node pool"),
    "tolerations": (list, "tolerations of the node pool's taints"),
}
_GPU_ONLY = {"gpu_count", "gpu_type"}


def pipeline_parameters(settings: Settings) -> list[Parameter]:
    """Return every parameter of the pipeline with its default from the settings."""
    data = settings.data
    known = absolute_uri(data.known_values) if data.known_values else ""
    parameters = [
        Parameter("run_name", str, "", "Shown in notifications; empty: the run id."),
        Parameter("base_model_id", str, settings.base_model.id, "builtin:tiny, a Hugging Face id, or a directory."),
        Parameter("base_model_revision", str, settings.base_model.revision, "Branch, tag or commit; preflight pins it."),
        Parameter("data_conversations", str, absolute_uri(data.conversations), "URI of the dialogues."),
        Parameter("data_preferences", str, absolute_uri(data.preferences), "URI of the preference pairs."),
        Parameter("data_empathy_ratings", str, absolute_uri(data.empathy_ratings), "URI of the rated replies for the empathy scorer."),
        Parameter("data_crisis_prompts", str, absolute_uri(data.crisis_prompts), "URI of the crisis prompts."),
        Parameter("data_general_text", str, absolute_uri(data.general_text), "URI of the text for the forgetting check."),
        Parameter("data_known_values", str, known, "URI of the names that anonymize must find; empty: none."),
        Parameter("notify_config", dict, settings.notify.to_parameter(), "NotifyConfig as JSON."),
    ]
    for stage in STAGES:
        config = settings.stage(stage)
        parameters.append(Parameter(f"{stage}_config", dict, config.to_parameter(), f"{type(config).__name__} as JSON."))
        resources = settings.resources_of(stage)
        for field, (kind, what) in _PLACEMENT.items():
            if field not in _GPU_ONLY or stage in GPU_STAGES:
                parameters.append(Parameter(f"{stage}_{field}", kind, getattr(resources, field), f"{stage}: {what}."))
    return parameters


class Channels:
    """The pipeline parameters inside the DAG, by attribute: ``p.sft_config``."""

    def __init__(self, parameters: list[Parameter], values: tuple[Any, ...]) -> None:
        self._values = dict(zip((parameter.name for parameter in parameters), values, strict=True))

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(name) from None

    def all(self) -> dict[str, Any]:
        """Return every parameter, to hand them to a nested pipeline."""
        return dict(self._values)


def with_signature(parameters: list[Parameter], body: Callable[[Channels], None], *, name: str, summary: str) -> Callable[..., None]:
    """Return a function that KFP can compile: the parameters as its signature and documentation, ``body`` as its body."""

    def function(*values: Any) -> None:
        body(Channels(parameters, values))

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = [inspect.Parameter(p.name, kind, default=p.default, annotation=p.type) for p in parameters]
    function.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    function.__name__ = name.replace("-", "_")
    lines = "\n".join(f"    {p.name}: {p.description}" for p in parameters)
    function.__doc__ = f"{summary}\n\nArgs:\n{lines}\n"
    return function
