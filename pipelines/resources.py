"""Where a stage runs: image, cpu, memory, GPU, node pool, secrets, volumes, retries, timeout.

Everything that KFP accepts as a run-time parameter is one; the rest is compile-time from the settings. The setters with parameters compile
correctly only at the root of a pipeline, never inside ExitHandler or If, which is why the stages stand in an inner pipeline.
"""

from typing import Any

from kfp import kubernetes

from components.shared.pseudonym_key import KEY_VARIABLE
from pipelines.parameters import Channels
from pipelines.settings import GPU_STAGES, KEY_STAGES, Settings

MODEL_CACHE_PATH = "/cache/huggingface"
CHECKPOINT_PATH = "/checkpoints"
_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "HF_TOKEN")


def place(task: Any, stage: str, p: Channels, settings: Settings) -> Any:
    """Give a stage's task its place in the cluster and return the task."""
    channel = p.all()
    task.set_display_name(stage)
    task.set_container_image(channel[f"{stage}_image"])
    task.set_cpu_request(channel[f"{stage}_cpu"]).set_cpu_limit(channel[f"{stage}_cpu"])
    task.set_memory_request(channel[f"{stage}_memory"]).set_memory_limit(channel[f"{stage}_memory"])
    kubernetes.add_node_selector_json(task, channel[f"{stage}_node_selector"])
    kubernetes.add_toleration_json(task, channel[f"{stage}_tolerations"])
    cluster = settings.cluster
    if stage in GPU_STAGES:
        task.set_accelerator_type(channel[f"{stage}_gpu_type"]).set_accelerator_limit(channel[f"{stage}_gpu_count"])
        kubernetes.empty_dir_mount(task, "shared-memory", "/dev/shm", medium="Memory", size_limit=cluster.shared_memory)
        kubernetes.mount_pvc(task, pvc_name=cluster.checkpoint_claim, mount_path=CHECKPOINT_PATH)
        task.set_env_variable("ATTUNE_CHECKPOINT_DIR", CHECKPOINT_PATH)
    kubernetes.mount_pvc(task, pvc_name=cluster.model_cache_claim, mount_path=MODEL_CACHE_PATH)
    task.set_env_variable("HF_HOME", MODEL_CACHE_PATH)
    secrets = {name: name for name in _CREDENTIALS}
    kubernetes.use_secret_as_env(task, secret_name=cluster.data_secret, secret_key_to_env=secrets, optional=True)
    if stage in KEY_STAGES:
        kubernetes.use_secret_as_env(task, secret_name=cluster.pseudonym_secret, secret_key_to_env={KEY_VARIABLE: KEY_VARIABLE})
    timeout = settings.resources_of(stage).timeout_seconds
    kubernetes.set_timeout(task, timeout)
    if cluster.num_retries:
        task.set_retry(cluster.num_retries, backoff_duration=f"{cluster.backoff_seconds}s", backoff_factor=2.0)
    return track(task, settings)


def track(task: Any, settings: Settings) -> Any:
    """Tell a task where MLflow is and which pipeline run it belongs to; the names are those that ``shared.tracking`` reads."""
    cluster = settings.cluster
    variables = {"MLFLOW_TRACKING_URI": "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME": "MLFLOW_EXPERIMENT_NAME"}
    kubernetes.use_config_map_as_env(task, config_map_name=cluster.tracking_config_map, config_map_key_to_env=variables, optional=True)
    credentials = {"MLFLOW_TRACKING_USERNAME": "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD": "MLFLOW_TRACKING_PASSWORD"}
    kubernetes.use_secret_as_env(task, secret_name=cluster.tracking_secret, secret_key_to_env=credentials, optional=True)
    kubernetes.use_field_path_as_env(task, env_name="ATTUNE_RUN_ID", field_path="metadata.labels['pipeline/runid']")
    return task
