"""One frozen base model, many LoRA adapters (needs torch, transformers, peft).

``W' = W + (alpha / r) B A`` (Hu et al. 2021, arXiv:2106.09685, eq. 3): the base W stays frozen and is never merged; roles (sft, policy,
reward, value) are named adapters of it. Adapter weights are fp32 whatever the base's type, because AdamW steps at 1e-5 vanish in bf16.
"""

import copy
import importlib.util
import json
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig
from transformers.utils import logging as transformers_logging

from components.shared import distributed
from components.shared.base_model import BaseModelReference
from components.shared.errors import ContractError
from components.shared.lora import LoraSettings

ADAPTER_SCHEMA = "lora_adapter/v1"
WEIGHTS_FILE = "adapter_model.safetensors"
_CONFIG_FILE = "adapter_config.json"
BaseType = Literal["auto", "float32", "bfloat16", "nf4"]

transformers_logging.disable_progress_bar()
transformers_logging.set_verbosity_error()
# PEFT 0.21 and TRL 1.16 still ask transformers 5 for the old name of activation checkpointing; nobody who runs a stage can change that.
warnings.filterwarnings("ignore", message=".*activation_checkpointing", category=FutureWarning)


def device() -> torch.device:
    """Return the accelerator where there is one (of several processes, each has its own), else the CPU."""
    return torch.device("cuda", distributed.place().local_rank) if torch.cuda.is_available() else torch.device("cpu")


def load_tokenizer(reference: BaseModelReference) -> Any:
    """Load the base model's tokenizer. A tokenizer without a pad token pads with eos; masks come from lengths, never from the pad id."""
    tokenizer = AutoTokenizer.from_pretrained(reference.location, revision=reference.hub_revision, trust_remote_code=False)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_base(reference: BaseModelReference, base_type: BaseType = "auto") -> Any:
    """Load the base model, frozen, in eval mode.

    Args:
        reference: the model.
        base_type: of its weights; ``auto`` is bf16 on a GPU and fp32 on a CPU, where bf16 products are slow on most; ``nf4`` quantises the
            linear layers to four bits (Dettmers et al. 2023, arXiv:2305.14314).

    Raises:
        ContractError: nf4 without CUDA or bitsandbytes.
    """
    where = device()
    if base_type == "auto":
        base_type = "bfloat16" if where.type == "cuda" else "float32"
    loading: dict[str, Any] = {"dtype": torch.float32 if base_type == "float32" else torch.bfloat16}
    if base_type == "nf4":
        if where.type != "cuda" or importlib.util.find_spec("bitsandbytes") is None:
            raise ContractError("dtype nf4 wants a CUDA device and the package bitsandbytes; give float32 or bfloat16")
        four_bits = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch.bfloat16
        )
        loading |= {"quantization_config": four_bits, "device_map": {"": where}}
    model = AutoModelForCausalLM.from_pretrained(
        reference.location, revision=reference.hub_revision, trust_remote_code=False, use_safetensors=True, **loading
    )
    return (model if base_type == "nf4" else model.to(where)).eval().requires_grad_(False)


def new_adapter(base: Any, name: str, lora: LoraSettings) -> PeftModel:
    """Wrap a base model with its first adapter, randomly initialised from torch's generator (B is zero: the model starts unchanged)."""
    config = LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.target_modules,
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(base, config, adapter_name=name)
    _to_float32(model, name)
    return model


def load_adapter(model: Any, name: str, directory: Path) -> PeftModel:
    """Add an adapter from its directory to a base model or to one that has adapters already; it comes frozen.

    Raises:
        ContractError: the weights on disk and the model's adapter parameters do not match one to one.
    """
    mismatch = f"{directory}: adapter weights do not fit the base model; was the adapter trained on another one?"
    config = LoraConfig.from_pretrained(str(directory))
    config.inference_mode = True
    stored = load_file(directory / WEIGHTS_FILE)
    if isinstance(model, PeftModel):
        model.add_adapter(name, config)
    else:
        model = get_peft_model(model, config, adapter_name=name)
    _to_float32(model, name)
    try:
        set_peft_model_state_dict(model, stored, adapter_name=name)
    except RuntimeError as error:  # torch's answer to another shape
        raise ContractError(mismatch) from error
    loaded = get_peft_model_state_dict(model, adapter_name=name)
    if stored.keys() != loaded.keys() or any(not torch.equal(stored[key].float(), loaded[key].cpu()) for key in stored):
        raise ContractError(mismatch)
    for _, parameter in adapter_parameters(model, name):
        parameter.requires_grad_(False)
    return model


def copy_adapter(model: PeftModel, source: str, target: str) -> None:
    """Add adapter ``target`` as an equal copy of ``source``."""
    model.add_adapter(target, copy.deepcopy(model.peft_config[source]))  # PEFT keeps the object it is given: two adapters, two objects
    _to_float32(model, target)
    state = {key: value.clone() for key, value in get_peft_model_state_dict(model, adapter_name=source).items()}
    set_peft_model_state_dict(model, state, adapter_name=target)


def use_adapter(model: PeftModel, name: str, *, trainable: bool = False) -> None:
    """Make one adapter the active one; it alone gets gradients, and only when ``trainable``.

    Never call this between a forward pass and its backward pass: the backward of the first adapter would silently lose its gradients,
    and with activation checkpointing compute wrong ones.
    """
    model.set_adapter(name)
    model.requires_grad_(False)
    for _, parameter in adapter_parameters(model, name):
        parameter.requires_grad_(trainable)


def adapter_parameters(model: PeftModel, name: str) -> Iterator[tuple[str, torch.nn.Parameter]]:
    """Yield the named parameters of one adapter."""
    pattern = re.compile(rf"\.lora_\w+\.{re.escape(name)}(\.|$)")
    for key, parameter in model.named_parameters():
        if pattern.search(key):
            yield key, parameter


def adapter_state(model: PeftModel, name: str) -> dict[str, torch.Tensor]:
    """Return a copy of one adapter's weights on the CPU, under PEFT's own keys (without the adapter's name)."""
    return {key: value.detach().cpu().clone() for key, value in get_peft_model_state_dict(model, adapter_name=name).items()}


def restore_adapter_state(model: PeftModel, name: str, state: Mapping[str, torch.Tensor]) -> None:
    """Put weights from ``adapter_state`` back into an adapter."""
    set_peft_model_state_dict(model, {key: value.clone() for key, value in state.items()}, adapter_name=name)


def load_weights(model: PeftModel, name: str, directory: Path) -> None:
    """Put the weights that ``save_adapter`` wrote into an adapter that the model has already."""
    restore_adapter_state(model, name, load_file(directory / WEIGHTS_FILE))


def save_adapter(model: PeftModel, name: str, directory: Path) -> None:
    """Write one adapter in PEFT's own format, so that ``PeftModel.from_pretrained`` loads it anywhere.

    Equal adapters give equal bytes: PEFT keeps module names in a set, whose order changes from process to process, and the base model's
    local path; the names are sorted here and the path left out (the artifact names its base model by digest).
    """
    directory.mkdir(parents=True, exist_ok=True)
    save_file(adapter_state(model, name), directory / WEIGHTS_FILE, metadata={"format": "pt"})
    config = copy.deepcopy(model.peft_config[name])
    config.inference_mode = True
    config.save_pretrained(str(directory))
    path = directory / _CONFIG_FILE
    settings = json.loads(path.read_text(encoding="utf-8"))
    for key, value in settings.items():
        if isinstance(getattr(config, key, None), set):
            settings[key] = sorted(value)
    if settings["base_model_name_or_path"] and Path(settings["base_model_name_or_path"]).exists():
        settings["base_model_name_or_path"] = None
    path.write_text(json.dumps(settings, indent=2, sort_keys=True), encoding="utf-8")


def parameter_counts(model: PeftModel, name: str) -> tuple[int, int]:
    """Return the adapter's number of parameters and the base model's."""
    adapter = sum(parameter.numel() for _, parameter in adapter_parameters(model, name))
    base = sum(parameter.numel() for key, parameter in model.named_parameters() if "lora_" not in key)
    return adapter, base


def last_hidden(model: PeftModel, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """Return the backbone's final hidden states under the active adapter, without the vocabulary projection.

    Args:
        model: base with adapters.
        input_ids: token ids, shape (B, T).
        attention_mask: 1 for real tokens, shape (B, T).

    Returns:
        Hidden states, shape (B, T, H).
    """
    backbone = model.get_base_model().base_model
    states: torch.Tensor = backbone(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).last_hidden_state
    return states


def _to_float32(model: PeftModel, name: str) -> None:
    for _, parameter in adapter_parameters(model, name):
        parameter.data = parameter.data.float()
