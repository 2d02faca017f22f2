"""Sampling replies with vLLM, an optional extra: a second copy of the base, the adapter alone reloaded (needs torch, peft; vllm to run).

Kwon et al. 2023, arXiv:2309.06180. vLLM holds its own copy of the frozen base and its own cache; what changes from rollout to rollout is
the policy adapter, megabytes that go by way of a temporary directory. vLLM rounds the fp32 adapter to the base's type and computes with
kernels of its own, so its log-probabilities are those of the distribution that it drew from, close to a training forward's and not equal.
"""

import importlib
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from components.ppo.batches import Reply
from components.ppo.prompts import Query
from components.ppo.roles import POLICY, REFERENCE, Roles
from components.ppo.rollout import Sampling
from components.shared import shutdown
from components.shared.base_model import BaseModelReference
from components.shared.errors import ContractError, Interrupted
from components.shared.modeling import save_adapter, use_adapter

LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""What ``max_lora_rank`` may be; vLLM reserves memory and computes for the whole of it."""


class VllmEngine:
    """The policy sampled by vLLM."""

    def __init__(
        self, reference: BaseModelReference, roles: Roles, *, gpu_memory_utilization: float = 0.4, max_length: int | None = None
    ) -> None:
        """Load vLLM's copy of the base.

        Args:
            reference: the base that the roles stand on.
            roles: the model; its adapter is read at each ``generate``.
            gpu_memory_utilization: fraction of the GPU's whole memory for vLLM's copy of the base and its cache together; the rest holds
                the training copy, its activations and the optimizer.
            max_length: tokens of the longest query and reply together; None takes the model's own limit, whose cache may not fit.

        Raises:
            ContractError: vLLM is not installed, the base is quantised, several processes train, or the adapter's rank is too large.
        """
        vllm = _import_vllm()
        base = roles.model.get_base_model()
        if hasattr(base.config, "quantization_config"):
            raise ContractError("engine vllm would sample from an unquantised base, another policy than the one trained; set engine: loop")
        if torch.distributed.is_available() and torch.distributed.is_initialized() and torch.distributed.get_world_size() > 1:
            raise ContractError("engine vllm works in one process; set engine: continuous_batching to sample in each of several")
        self._roles = roles
        self._sampling_params, self._lora_request = vllm.SamplingParams, importlib.import_module("vllm.lora.request").LoRARequest
        self._version = 0
        # An interpolation between the two has the sum of their ranks.
        ranks = roles.model.peft_config[REFERENCE].r + roles.model.peft_config[POLICY].r
        self._llm = vllm.LLM(
            model=reference.location,
            revision=reference.hub_revision,
            tokenizer_revision=reference.hub_revision,
            trust_remote_code=False,
            load_format="safetensors",
            dtype=str(roles.projection.weight.dtype).removeprefix("torch."),
            enable_lora=True,
            max_loras=1,
            max_lora_rank=_max_lora_rank(ranks),
            max_model_len=max_length,
            gpu_memory_utilization=gpu_memory_utilization,
            generation_config="vllm",  # not the model's own, which may name stop tokens, top_k and penalties
            logprobs_mode="processed_logprobs",  # of the tempered distribution; the default is the untempered one
        )

    def generate(
        self, queries: Sequence[Query], sampling: Sampling, seed: int, rows: Sequence[int] | None = None, adapter: str = POLICY
    ) -> list[Reply]:
        """Sample a reply to each query under an adapter as it is now; it is the active one afterwards.

        Args:
            queries: any lengths.
            sampling: how; the batch size is not looked at, vLLM decodes as many rows together as its cache holds.
            seed: the only source of randomness, with the rows.
            rows: the queries' places in the whole rollout batch; 0, 1, ... when not given. Each has its own seed.
            adapter: the one that speaks.

        Returns:
            Replies in the order of the queries, with log-probabilities under the distribution that they were drawn from.

        Raises:
            Interrupted: a stop was asked for, before or while replies were sampled.
            RuntimeError: vLLM ended a reply for a reason of its own.
        """
        if shutdown.requested():
            raise Interrupted
        use_adapter(self._roles.model, adapter)  # vLLM does not ask for it, who calls an engine does
        if not queries:
            return []
        # One seed for all would give two equal queries the same reply; seeds counted up would meet the next rollout's.
        seeds = [random.Random(f"{seed} {row}").getrandbits(31) for row in rows or range(len(queries))]
        parameters = [self._parameters(sampling, each) for each in seeds]
        outputs = self._run([{"prompt_token_ids": list(query.input_ids)} for query in queries], parameters, adapter)
        if shutdown.requested():
            raise Interrupted
        return [_reply(query, output.outputs[0], sampling) for query, output in zip(queries, outputs, strict=True)]

    def _run(self, prompts: list[dict[str, list[int]]], parameters: list[Any], adapter: str) -> Sequence[Any]:
        # A new number and a new name each time: vLLM loads a number once, and its prefix cache knows an adapter by its name alone
        # (vllm issue 30931), so that an old name would bring back keys and values of the policy of an earlier step.
        self._version += 1
        with tempfile.TemporaryDirectory(prefix="attune-policy-") as directory:
            save_adapter(self._roles.model, adapter, Path(directory))
            request = self._lora_request(f"{adapter}-{self._version}", self._version, directory)
            try:
                outputs: Sequence[Any] = self._llm.generate(prompts, parameters, use_tqdm=False, lora_request=request)
            finally:
                self._llm.llm_engine.remove_lora(self._version)
        return outputs

    def _parameters(self, sampling: Sampling, seed: int) -> Any:
        return self._sampling_params(
            temperature=sampling.temperature,
            top_p=1.0,
            top_k=-1,
            seed=seed,
            stop_token_ids=sorted(sampling.stop_ids),
            ignore_eos=True,  # what ends a reply is said by stop_ids, not by the tokenizer
            max_tokens=sampling.max_completion_length,
            include_stop_str_in_output=True,
            detokenize=False,
            logprobs=0,  # of the sampled token, and of none besides
        )


def _reply(query: Query, output: Any, sampling: Sampling) -> Reply:
    response = list(output.token_ids)
    truncated = not response or response[-1] not in sampling.stop_ids
    # "stop" without the stop token would be a reply without its end, "length" or anything else before the limit one cut short.
    if truncated and (output.finish_reason != "length" or len(response) < sampling.max_completion_length):
        raise RuntimeError(
            f"vLLM ended the reply to {query.prompt_id} after {len(response)} of {sampling.max_completion_length} tokens "
            f"({output.finish_reason}) without a stop token; is max_length too small, or is this vLLM another than attune knows?"
        )
    logprobs = [float(step[token].logprob) for token, step in zip(response, output.logprobs, strict=True)]
    return Reply(query.prompt_id, query.input_ids, response, truncated, logprobs=logprobs)


def _import_vllm() -> Any:
    try:
        return importlib.import_module("vllm")
    except ModuleNotFoundError as error:
        if error.name != "vllm":  # vLLM is there, a part that it needs is not
            raise
        raise ContractError(
            "engine: vllm, but the package vllm is not installed; install attune[vllm], or set engine to loop or continuous_batching"
        ) from None


def _max_lora_rank(rank: int) -> int:
    for allowed in LORA_RANKS:
        if rank <= allowed:
            return allowed
    raise ContractError(f"the policy adapter has rank {rank}, vLLM takes at most {LORA_RANKS[-1]}; set engine: continuous_batching")
