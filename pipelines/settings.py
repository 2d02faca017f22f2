"""What a run needs, from one YAML profile and ``--set key=value``: data, base model, a section per stage, resources, cluster.

Validated on the author's machine before anything is compiled or submitted; every stage validates its own section again.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from components import builtin
from components.anonymize.config import AnonymizeConfig
from components.evaluate.config import EvaluateConfig
from components.notify.config import NotifyConfig
from components.ppo.config import PpoConfig
from components.preflight.config import PreflightConfig
from components.privacy_audit.config import PrivacyAuditConfig
from components.register.config import RegisterConfig
from components.reward.config import RewardConfig
from components.sft.config import SftConfig
from components.shared.config import StageConfig
from components.shared.errors import ContractError
from components.split.config import SplitConfig
from components.validate_data.config import ValidateDataConfig

PROFILES = Path(__file__).parent / "profiles"
STAGES = ("preflight", "validate_data", "anonymize", "split", "sft", "reward", "ppo", "privacy_audit", "evaluate", "register")
GPU_STAGES = ("sft", "reward", "ppo", "privacy_audit", "evaluate")
TRAIN_IMAGE_STAGES = (*GPU_STAGES, "anonymize", "register")
"""Stages whose image holds torch."""
KEY_STAGES = ("preflight", "anonymize", "privacy_audit")
"""Stages that read the pseudonym key: to look whether it is there, to make surrogates and hashes, to find original values."""


class BaseModelSettings(StageConfig):
    """The base model that adapters are trained on."""

    id: str = "builtin:tiny"
    """``builtin:tiny``, a Hugging Face id, or a directory."""
    revision: str = "main"
    """Branch, tag or commit of a Hugging Face model; preflight pins it to a commit."""


class DataSettings(StageConfig):
    """Where the data are: local paths, ``builtin:NAME``, ``s3://``, ``gs://`` or ``hf://``."""

    conversations: str = "builtin:conversations"
    """Dialogues to learn from."""
    preferences: str = "builtin:preferences"
    """Preference pairs."""
    empathy_ratings: str = "builtin:empathy_ratings"
    """Replies with rated empathy mechanisms, from which the evaluation scorer is trained."""
    crisis_prompts: str = "builtin:crisis_prompts"
    """Prompts with the expected safe behaviour."""
    general_text: str = "builtin:general_text"
    """General-language text for the forgetting check."""
    known_values: str = ""
    """CSV of names of staff and clients (``value`` or ``value,type`` a line), which anonymize finds exactly and inflected; empty: none.
    Keep it where only preflight and anonymize read it."""


class Resources(StageConfig):
    """What one stage asks of the cluster; ignored on a laptop."""

    image: str = ""
    """Image reference, by digest; empty: the profile's ``cluster.data_image`` or ``cluster.train_image``."""
    cpu: str = "2"
    """CPU request and limit, Kubernetes quantity."""
    memory: str = "8Gi"
    """Memory request and limit, Kubernetes quantity."""
    gpu_count: int = Field(default=0, ge=0)
    """Accelerators."""
    gpu_type: str = "nvidia.com/gpu"
    """Accelerator resource name."""
    node_selector: dict[str, str] = Field(default_factory=dict)
    """Labels of the node pool."""
    tolerations: list[dict[str, Any]] = Field(default_factory=list)
    """Kubernetes tolerations of the node pool's taints."""
    timeout_seconds: int = Field(default=6 * 3600, gt=0)
    """Wall-clock limit of one attempt (compile-time: KFP takes no parameter here)."""


class ClusterSettings(StageConfig):
    """Names of what the manifests create in the namespace; compile-time, because KFP takes no parameters for most of them."""

    data_image: str = "ghcr.io/attune/data:0.1.0"
    """Image of the stages without a GPU."""
    train_image: str = "ghcr.io/attune/train:0.1.0"
    """Image of the stages with torch."""
    num_retries: int = Field(default=2, ge=0)
    """Attempts after the first; a stage continues from its checkpoint."""
    backoff_seconds: int = Field(default=60, ge=0)
    """Wait before the first retry; doubles each time."""
    model_cache_claim: str = "attune-model-cache"
    """Volume claim with the Hugging Face cache, shared by runs."""
    checkpoint_claim: str = "attune-checkpoints"
    """Volume claim for checkpoints, shared by the attempts of a run."""
    tracking_config_map: str = "attune-tracking"
    """ConfigMap with MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME."""
    tracking_secret: str = "attune-tracking-credentials"
    """Optional Secret with MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."""
    data_secret: str = "attune-data-credentials"
    """Optional Secret with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL and HF_TOKEN."""
    pseudonym_secret: str = "attune-pseudonym-key"
    """Secret with ATTUNE_PSEUDONYM_KEY, the key of surrogates and of the hashes of original values."""
    webhook_secret: str = "attune-webhook"
    """Optional Secret with ATTUNE_WEBHOOK_URL."""
    shared_memory: str = "8Gi"
    """Size of /dev/shm for data loaders and NCCL."""


class Settings(StageConfig):
    """Everything that a run needs."""

    base_model: BaseModelSettings = BaseModelSettings()
    data: DataSettings = DataSettings()
    preflight: PreflightConfig = PreflightConfig()
    validate_data: ValidateDataConfig = ValidateDataConfig()
    anonymize: AnonymizeConfig = AnonymizeConfig()
    split: SplitConfig = SplitConfig()
    sft: SftConfig = SftConfig()
    reward: RewardConfig = RewardConfig()
    ppo: PpoConfig = PpoConfig()
    privacy_audit: PrivacyAuditConfig = PrivacyAuditConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    register_: RegisterConfig = Field(default=RegisterConfig(), alias="register")
    notify: NotifyConfig = NotifyConfig()
    resources: dict[str, Resources] = Field(default_factory=dict)
    """Stage name to what it asks for; stages that are not named get the defaults."""
    cluster: ClusterSettings = ClusterSettings()

    _stage_fields: ClassVar[dict[str, str]] = {"register": "register_"}

    @model_validator(mode="after")
    def _private_replies_stay_private(self) -> Self:
        if self.sft.dp.enabled and self.ppo.ptx_coef > 0:
            raise ValueError(
                "sft.dp.enabled protects the training replies, but ppo.ptx_coef > 0 trains on the same replies without noise;"
                " set ppo.ptx_coef=0"
            )
        return self

    def stage(self, name: str) -> StageConfig:
        """Return the configuration of a stage."""
        config: StageConfig = getattr(self, self._stage_fields.get(name, name))
        return config

    def resources_of(self, stage: str) -> Resources:
        """Return what a stage asks for, its image filled in."""
        asked = self.resources.get(stage, Resources())
        default = self.cluster.train_image if stage in TRAIN_IMAGE_STAGES else self.cluster.data_image
        return asked if asked.image else asked.model_copy(update={"image": default})

    @classmethod
    def load(cls, profile: str, overrides: Sequence[str] = ()) -> Self:
        """Read a profile (a name under profiles/, or a path) and apply ``key.path=value`` overrides, values in YAML.

        Raises:
            ContractError: the profile does not exist, or a key or value is not valid; every problem is listed.
        """
        document = _read_profile(profile)
        for override in overrides:
            _apply(document, override)
        try:
            settings = cls.model_validate(document)
        except ValidationError as error:
            raise ContractError("invalid settings:\n  " + "\n  ".join(_explain(problem) for problem in error.errors())) from None
        unknown = set(settings.resources) - {*STAGES, "notify"}
        if unknown:
            raise ContractError(f"resources: unknown stage {', '.join(sorted(unknown))}; known: {', '.join(STAGES)}")
        return settings


def absolute_uri(uri: str) -> str:
    """Return a local path as absolute path, any other URI as it is; a stage may run in another directory."""
    return uri if "://" in uri or uri.startswith(builtin.PREFIX) else str(Path(uri).expanduser().absolute())


def _read_profile(profile: str) -> dict[str, Any]:
    path = PROFILES / f"{profile}.yaml"
    if not path.is_file():
        path = Path(profile)
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in PROFILES.glob("*.yaml")))
        raise ContractError(f"profile {profile!r}: neither a file nor one of {known}")
    document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    if not isinstance(document, dict):
        raise ContractError(f"profile {path}: a mapping of sections is wanted")
    return document


def _apply(document: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator:
        raise ContractError(f"--set {override}: give section.key=value, such as ppo.kl_coef=0.1")
    *parents, leaf = key.split(".")
    target: Any = document
    for part in parents:
        target = target.setdefault(part, {})
        if not isinstance(target, dict):
            raise ContractError(f"--set {key}: {part} is a value, not a section")
    target[leaf] = yaml.safe_load(text)


def _explain(problem: Mapping[str, Any]) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    if not problem["loc"]:
        return str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] != "extra_forbidden":
        return f"{key}: {problem['msg']} (given {problem['input']!r})"
    model: type[BaseModel] = Settings
    for part in problem["loc"][:-1]:
        names = {field.alias or name: field for name, field in model.model_fields.items()}
        annotation = names[part].annotation if part in names else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return f"{key}: unknown setting"
        model = annotation
    known = sorted(field.alias or name for name, field in model.model_fields.items())
    return f"{key}: unknown setting; known: {', '.join(known)}"
