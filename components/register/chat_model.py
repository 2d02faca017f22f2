"""The registered chat model: what ``mlflow.pyfunc.load_model("models:/NAME@champion")`` and ``mlflow models serve`` run.

MLflow stores this file with the version ("models from code") and runs it where Attune need not be installed, so it imports nothing of
Attune. It holds the LoRA adapter and tokenizer of the version; the base model comes by reference:

- ``ATTUNE_BASE_MODEL_PATH`` names a directory with the base model, or
- the reference in ``model.json``: a directory, a hub model at its commit, or ``builtin:`` (then Attune must be installed).

A base or adapter other than the one that was trained and judged is refused by digest. With ``temperature`` 0, the default, decoding is
greedy: equal questions get equal replies.
"""

import hashlib
import importlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

# What people say to this model is not recorded unless the operator asks for it. MLflow reads this at its first trace.
os.environ.setdefault("MLFLOW_TRACE_SAMPLING_RATIO", "0")

import mlflow
import torch
from mlflow.pyfunc import ResponsesAgent
from mlflow.types.responses import ResponsesAgentRequest, ResponsesAgentResponse, ResponsesAgentStreamEvent
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

BASE_MODEL_VARIABLE = "ATTUNE_BASE_MODEL_PATH"
DESCRIPTION_FILE = "model.json"
ADAPTER_DIRECTORY = "adapter"
TOKENIZER_DIRECTORY = "tokenizer"
_ADAPTER = "policy"


class SupportChatModel(ResponsesAgent):  # type: ignore[misc]  # mlflow ships no types
    """A base model with the judged adapter, behind OpenAI's Responses schema."""

    def load_context(self, context: Any) -> None:
        """Load adapter, tokenizer and base model from the version's files.

        Raises:
            ValueError: a file of the version or the base model differs from what was registered.
        """
        self.directory = Path(context.artifacts["bundle"])
        self.description: dict[str, Any] = json.loads((self.directory / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        for name, digest in self.description["files"].items():
            if _file_digest(self.directory / name) != digest:
                raise ValueError(f"{name} of this model version is damaged: its sha256 is not {digest[:12]}...; do not serve it")
        self.tokenizer = AutoTokenizer.from_pretrained(self.directory / TOKENIZER_DIRECTORY, trust_remote_code=False)
        self.device = torch.device("cuda") if torch.cuda.is_available() else torch.device("cpu")
        self.model = _with_adapter(self._load_base(), self.directory / ADAPTER_DIRECTORY).to(self.device).eval()

    def predict(self, request: ResponsesAgentRequest) -> ResponsesAgentResponse:
        """Answer the last message of a conversation.

        Of the request it reads ``input``, ``temperature`` (default 0), ``top_p``, ``max_output_tokens`` and ``custom_inputs["seed"]``.
        """
        text = self.reply(
            [{"role": _role(item), "content": _text(item)} for item in request.input],
            temperature=request.temperature or 0.0,
            top_p=request.top_p or 1.0,
            max_new_tokens=request.max_output_tokens or self.description["max_new_tokens"],
            seed=(request.custom_inputs or {}).get("seed"),
        )
        return ResponsesAgentResponse(output=[self.create_text_output_item(text, str(uuid4()))])

    def predict_stream(self, request: ResponsesAgentRequest) -> Iterator[ResponsesAgentStreamEvent]:
        """Answer as one finished item: short replies gain nothing from parts."""
        for item in self.predict(request).output:
            yield ResponsesAgentStreamEvent(type="response.output_item.done", item=item)

    def reply(
        self, messages: Sequence[dict[str, str]], *, temperature: float, top_p: float, max_new_tokens: int, seed: int | None = None
    ) -> str:
        """Generate one reply.

        Args:
            messages: role and content each, the last one the user's.
            temperature: 0 for greedy decoding.
            top_p: nucleus, fraction; used when sampling.
            max_new_tokens: most tokens of the reply.
            seed: of the sampling, for a reply that can be had again.
        """
        ids = self.encode(messages, reserve=max_new_tokens)
        # Every setting of the base's generation_config that could add its own sampling is set here: greedy must mean greedy.
        sampling: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        if temperature > 0:
            sampling = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0}
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []), torch.no_grad():
            if seed is not None:
                torch.manual_seed(seed)
            output = self.model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=max_new_tokens,
                eos_token_id=self.tokenizer.eos_token_id,
                pad_token_id=self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else self.tokenizer.eos_token_id,
                repetition_penalty=1.0,
                num_beams=1,
                **sampling,
            )
        return str(self.tokenizer.decode(output[0, ids.shape[1] :], skip_special_tokens=True)).strip()

    def logits(self, messages: Sequence[dict[str, str]]) -> torch.Tensor:
        """Return the next-token logits at every position of a prompt, shape (T, V), fp32 on the CPU."""
        with torch.no_grad():
            logits: torch.Tensor = self.model(input_ids=self.encode(messages, reserve=0)).logits[0]
        return logits.float().cpu()

    def encode(self, messages: Sequence[dict[str, str]], *, reserve: int) -> torch.Tensor:
        """Return prompt ids, shape (1, T), without the oldest turns where the context would not hold ``reserve`` more tokens.

        Raises:
            ValueError: the conversation does not end with the user, or its last message alone is longer than the context.
        """
        system = [message for message in messages[:1] if message["role"] == "system"]
        turns = list(messages[len(system) :])
        if not turns or turns[-1]["role"] != "user":
            raise ValueError("the conversation must end with a message of the user")
        limit = self.description["context_length"] - reserve
        while turns:
            if turns[0]["role"] == "user":
                text = self.tokenizer.apply_chat_template([*system, *turns], tokenize=False, add_generation_prompt=True)
                ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
                if len(ids) <= limit:
                    return torch.tensor([ids], device=self.device)
            turns.pop(0)
        raise ValueError(f"the last message is longer than {limit} tokens, which the model can read beside a reply")

    def _load_base(self) -> Any:
        location, revision = self._base_location()
        dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        return AutoModelForCausalLM.from_pretrained(location, revision=revision, trust_remote_code=False, use_safetensors=True, dtype=dtype)

    def _base_location(self) -> tuple[str, str | None]:
        base = self.description["base_model"]
        given = os.environ.get(BASE_MODEL_VARIABLE)
        if given is None and base["uri"].startswith("hf://"):
            return base["uri"].removeprefix("hf://"), base["revision"]
        directory = Path(given or _local_directory(base["uri"]))
        if not directory.is_dir():
            raise ValueError(f"base model {directory}: no such directory; set {BASE_MODEL_VARIABLE} to where {base['uri']} lies")
        found = base_files(directory)
        if found != base["files"]:
            differing = sorted(name for name in {*found, *base["files"]} if found.get(name) != base["files"].get(name))
            raise ValueError(
                f"base model {directory} is not {base['uri']} at {base['revision']}, on which this version was trained: "
                f"{', '.join(differing)} differ; set {BASE_MODEL_VARIABLE} to a directory that holds it"
            )
        return str(directory), None


def base_files(directory: Path) -> dict[str, str]:
    """Return the sha256 of each file that makes a base model what it computes: its weights and its configuration."""
    paths = [*directory.glob("*.safetensors"), *directory.glob("config.json")]
    return {path.name: _file_digest(path) for path in sorted(paths)}


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _local_directory(uri: str) -> str:
    if not uri.startswith("builtin:"):
        return uri.removeprefix("file://")
    try:
        builtin = importlib.import_module("components.builtin")
    except ImportError:
        raise ValueError(f"{uri} comes with Attune, which is not installed here; set {BASE_MODEL_VARIABLE} to its directory") from None
    return str(builtin.resolve(uri))


def _with_adapter(base: Any, directory: Path) -> PeftModel:
    """Put the adapter on the base, in fp32, and make sure that each of its weights arrived as it is: PEFT only warns, or rounds."""
    config = LoraConfig.from_pretrained(str(directory))
    config.inference_mode = True
    model = get_peft_model(base, config, adapter_name=_ADAPTER)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = parameter.data.float()  # before the weights come: a bf16 base would make bf16 of them
    stored = load_file(directory / "adapter_model.safetensors")
    set_peft_model_state_dict(model, stored, adapter_name=_ADAPTER)
    loaded = get_peft_model_state_dict(model, adapter_name=_ADAPTER)
    if stored.keys() != loaded.keys() or any(not torch.equal(stored[key].float(), loaded[key].cpu()) for key in stored):
        raise ValueError("the adapter's weights do not fit the base model")
    return model.requires_grad_(False)


def _role(item: Any) -> str:
    role = str(item.role)
    return "system" if role == "developer" else role


def _text(item: Any) -> str:
    if isinstance(item.content, str):
        return item.content
    parts = [part if isinstance(part, dict) else part.model_dump() for part in item.content]
    return "".join(part["text"] for part in parts if part.get("text"))


mlflow.models.set_model(SupportChatModel())
