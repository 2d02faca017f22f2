"""Is a directory a causal language model that this pipeline can train? Read without weights, without torch.

Each check adds to a list of problems, so that a person sees all of them at once.
"""

import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from components.preflight.resolution import ResolvedModel
from components.shared import chat
from components.shared.errors import ContractError
from components.shared.records import Message

os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")  # else importing it without torch writes a warning, which is no news here

TEMPLATE_FILE = "chat_template.jinja"
PROBE = [
    Message(role="user", content="first message"),
    Message(role="assistant", content="first reply"),
    Message(role="user", content="second message"),
    Message(role="assistant", content="second reply"),
]
_MAX_HEADER_BYTES = 100 << 20  # the safetensors format's own limit


@dataclass(frozen=True)
class ModelFacts:
    """What the checks learned; 0 where the model does not say."""

    context_length: int
    vocabulary: int
    weight_bytes: int


def check_model(model: ResolvedModel) -> tuple[ModelFacts, list[str]]:
    """Check configuration, weights, tokenizer and chat template.

    Returns:
        Facts, and the problems found, one sentence each; none means that later stages can load and train the model.
    """
    problems: list[str] = []
    config = _config(model.directory, problems)
    weight_bytes = _weights(model, problems) if model.weights_here else 0
    tokenizer = _tokenizer(model.directory, problems)
    if tokenizer is not None:
        _template(tokenizer, problems)
        vocabulary = int(config.get("vocab_size", 0))
        if vocabulary and len(tokenizer) > vocabulary:
            problems.append(f"the tokenizer has {len(tokenizer)} tokens, the model only {vocabulary}; they do not belong together")
    facts = ModelFacts(int(config.get("max_position_embeddings", 0)), int(config.get("vocab_size", 0)), weight_bytes)
    return facts, [f"base model {model.reference.uri}: {problem}" for problem in problems]


def _config(directory: Path, problems: list[str]) -> dict[str, Any]:
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES  # names only: needs no torch

    path = directory / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        problems.append("config.json is missing or not JSON")
        return {}
    kind, architectures = config.get("model_type"), config.get("architectures") or []
    known = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(kind)
    names = [known] if isinstance(known, str) else list(known or [])
    if "auto_map" in config and not names:
        problems.append("it needs code from its own repository (auto_map), which is refused; give a model that transformers knows")
    elif not names:
        problems.append(f"model_type {kind!r} is no causal language model of the installed transformers")
    elif architectures and not set(architectures) & set(names):
        problems.append(f"architecture {', '.join(architectures)} is not a causal language model; wanted {' or '.join(names)}")
    return dict(config)


def _weights(model: ResolvedModel, problems: list[str]) -> int:
    index = model.directory / "model.safetensors.index.json"
    if index.is_file():
        try:
            wanted = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, KeyError):
            problems.append(f"{index.name} is not a safetensors index")
            wanted = set()
        if missing := sorted(wanted - set(model.weight_files)):
            problems.append(f"{len(missing)} of {len(wanted)} weight files are missing, such as {missing[0]}")
    for name in model.weight_files:
        problem = _safetensors_problem(model.directory / name)
        if problem:
            problems.append(f"{name} {problem}")
    return sum((model.directory / name).stat().st_size for name in model.weight_files)


def _safetensors_problem(path: Path) -> str:
    """Compare a file's size with what its header announces: finds cut-off downloads and Git LFS pointers without reading tensors."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        if start.startswith(b"version "):
            return "is a Git LFS pointer, not the weights; run `git lfs pull`"
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        if length > min(_MAX_HEADER_BYTES, size - 8):
            return "is not a safetensors file"
        try:
            header = json.loads(file.read(length))
        except ValueError:
            return "is not a safetensors file"
    end = max((entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"), default=0)
    return "" if size == 8 + length + end else f"is {size} bytes long where its header announces {8 + length + end}; download it again"


def _tokenizer(directory: Path, problems: list[str]) -> Any:
    from transformers import AutoTokenizer

    if (path := directory / "tokenizer.json").is_file():
        try:
            json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            problems.append("tokenizer.json is not JSON; download it again")
            return None
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(directory), trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError, KeyError, ImportError) as error:
        problems.append(f"the tokenizer cannot be loaded ({str(error).strip().partition(chr(10))[0]})")
        return None
    if not tokenizer.is_fast:
        problems.append("it has no fast tokenizer (tokenizer.json), which the loss mask needs for character offsets; convert it")
        return None
    return tokenizer


def _template(tokenizer: Any, problems: list[str]) -> None:
    if tokenizer.eos_token is None:
        problems.append("the tokenizer names no eos token; set eos_token to the chat template's end-of-turn token")
    if not tokenizer.chat_template:
        problems.append(
            "the tokenizer has no chat template, so a dialogue cannot be written down for it; give an instruction-tuned model, or put "
            f"{TEMPLATE_FILE} beside the tokenizer of a local copy"
        )
        return
    try:
        text = chat.render(tokenizer, PROBE)
        left_out = [message.role for message in PROBE if message.content not in text]
        stretches = [] if left_out else _masked_stretches(chat.encode(tokenizer, PROBE))
    except ContractError as error:
        problems.append(str(error))
        return
    except TemplateError as error:
        problems.append(f"the chat template fails on an ordinary dialogue of two exchanges ({error})")
        return
    replies = [message.content for message in PROBE if message.role == "assistant"]
    found = [tokenizer.decode(stretch) for stretch in stretches]
    if left_out:
        problems.append(f"the chat template leaves out or changes {len(left_out)} of {len(PROBE)} messages of an ordinary dialogue")
    elif len(found) != len(replies) or any(reply not in text for reply, text in zip(replies, found, strict=True)):
        problems.append(f"the chat template hides replies: of {len(replies)} in a probe dialogue, {len(found)} stretches were found")


def _masked_stretches(encoded: chat.Encoded) -> list[list[int]]:
    stretches: list[list[int]] = []
    before = 0
    for token, masked in zip(encoded.input_ids, encoded.assistant_mask, strict=True):
        if masked and not before:
            stretches.append([])
        if masked:
            stretches[-1].append(token)
        before = masked
    return stretches
