"""The files of a model version: adapter, tokenizer and the reference of its base, saved as an MLflow model that needs no Attune.

``mlflow.transformers`` is never used for this: given an adapter on a local base it logs the base with renamed layers and reloads another
model without an error.
"""

import gc
import json
import logging
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import torch
from huggingface_hub import snapshot_download
from safetensors.torch import save_file
from transformers import AutoConfig

from components.register import chat_model
from components.register.probe import PROBE, PROBE_FILE
from components.shared import chat, modeling
from components.shared.artifacts import Manifest, file_digest
from components.shared.base_model import HUB_SCHEME, BaseModelReference
from components.shared.records import Message

REQUIREMENTS = ("mlflow", "torch", "transformers", "peft", "safetensors", "accelerate", "jinja2")
_ADAPTER_FILES = ("adapter_config.json", modeling.WEIGHTS_FILE)
_logger = logging.getLogger(__name__)


def trained_logits(reference: BaseModelReference, adapter: Path) -> torch.Tensor:
    """Return what the trained model computes on the probe, shape (T, V), fp32 on the CPU: the truth for the reloaded version."""
    tokenizer = modeling.load_tokenizer(reference)
    model = modeling.load_adapter(modeling.load_base(reference), "policy", adapter).eval()
    ids = chat.encode_prompt(tokenizer, [Message.model_validate(message) for message in PROBE])
    with torch.no_grad():
        logits: torch.Tensor = model(input_ids=torch.tensor([ids], device=modeling.device())).logits[0]
    return logits.float().cpu()


def free_memory() -> None:
    """Give back what a model that is no longer referenced held, so that another process can load its own."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def build(
    directory: Path, reference: BaseModelReference, adapter: tuple[Path, Manifest], *, max_new_tokens: int, logits: torch.Tensor
) -> Path:
    """Write the bundle that the chat model reads and return its directory.

    Args:
        directory: where; made.
        reference: the base model.
        adapter: directory and manifest of lora_adapter/v1.
        max_new_tokens: default length of a reply.
        logits: of the trained model on the probe, shape (T, V); the last row is kept for later checks.
    """
    source, manifest = adapter
    target = directory / chat_model.ADAPTER_DIRECTORY
    target.mkdir(parents=True)
    for name in _ADAPTER_FILES:
        shutil.copyfile(source / name, target / name)
    modeling.load_tokenizer(reference).save_pretrained(str(directory / chat_model.TOKENIZER_DIRECTORY))
    save_file({"last_logits": logits[-1].contiguous()}, directory / PROBE_FILE, metadata={"device": modeling.device().type})
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    description = {
        "schema": "chat_model/v1",
        "base_model": {**reference.model_dump(), "files": chat_model.base_files(_weights_directory(reference))},
        "adapter_digest": manifest.digest,
        "context_length": _context_length(reference),
        "max_new_tokens": max_new_tokens,
        "files": {str(path.relative_to(directory)): file_digest(path) for path in files},
    }
    (directory / chat_model.DESCRIPTION_FILE).write_text(json.dumps(description, indent=2), encoding="utf-8")
    return directory


def save(directory: Path, bundle: Path, metadata: dict[str, Any]) -> None:
    """Save an MLflow model directory with the bundle inside. MLflow loads it once and asks it the example, which proves that it answers."""
    mlflow.pyfunc.save_model(
        path=str(directory),
        python_model=str(Path(chat_model.__file__).resolve()),
        artifacts={"bundle": str(bundle)},
        pip_requirements=[f"{name}=={version(name).partition('+')[0]}" for name in REQUIREMENTS],
        input_example={"input": PROBE, "max_output_tokens": 8},
        metadata=metadata,
    )


def _context_length(reference: BaseModelReference) -> int:
    config = AutoConfig.from_pretrained(reference.location, revision=reference.hub_revision, trust_remote_code=False)
    return int(config.max_position_embeddings)


def _weights_directory(reference: BaseModelReference) -> Path:
    if reference.hub_revision is None:
        return Path(reference.location)
    name = reference.uri.removeprefix(HUB_SCHEME)
    return Path(snapshot_download(name, revision=reference.revision, allow_patterns=["*.safetensors", "config.json"]))
