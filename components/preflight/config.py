"""Settings of the preflight stage."""

from pydantic import Field

from components.shared.config import StageConfig


class PreflightConfig(StageConfig):
    """How much room a run needs and how long a service may take to answer."""

    min_free_gib: float = Field(default=2.0, ge=0.0)
    """Least free space where outputs and checkpoints go, GiB. Adapters, optimizer states and reports of a 7B run take about 1."""
    hub_timeout_seconds: float = Field(default=10.0, gt=0.0)
    """How long the Hugging Face hub may take to answer, seconds; after that the local cache must have the model."""
