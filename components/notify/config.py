"""Settings of the notification."""

from typing import Literal

from pydantic import Field

from components.shared.config import StageConfig


class NotifyConfig(StageConfig):
    """Where the links in a notification lead, and when one is sent. The webhook's URL is a secret: ``ATTUNE_WEBHOOK_URL``."""

    when: Literal["always", "failure"] = "always"
    """Whether successes are told as well."""
    mlflow_ui_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """Address of MLflow in a person's browser; empty: the tracking server, when that is a web address."""
    kubeflow_ui_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """Address of the Kubeflow Pipelines UI in a person's browser; empty: no link."""
    timeout_seconds: float = Field(default=10, gt=0, le=60)
    """Wait for the webhook's answer, each attempt."""
    num_attempts: int = Field(default=3, ge=1, le=10)
    """Attempts when it does not answer or answers with a server error."""
