"""Sampling replies with transformers' continuous batching: a paged cache, no padding, CUDA graphs on a GPU (needs torch, transformers).

Yu et al. 2022, Orca: iteration-level scheduling; Kwon et al. 2023, arXiv:2309.06180, section 4: the paged cache. A reply that ends makes
room for the next query at once. The library's ``generate_batch`` is not called, because it logs errors and returns what it has, waits
five seconds for its thread and no longer, and starts the thread before the queries are in, so that equal seeds give other replies.
Its manager is driven here instead: queries first, then the thread, then every error and every stop in this thread.

With flash attention installed a token costs what its own sequence costs. Without it, scaled-dot-product attention sees all sequences as one
with a dense mask, so a token's attention costs as many times more as rows are decoded together: fine for tests, slow for anything else.

Log-probabilities are not taken over: the library takes them of the tempered distribution, but as log(softmax) after products of other
shapes than a training forward's, equal to rounding and not to the last bit. The ratio of the first mini-batch has to be exactly 1.
"""

import logging
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from peft import PeftModel
from transformers import ContinuousBatchingConfig, GenerationConfig
from transformers.utils import is_flash_attn_2_available, is_flash_attn_3_available

from components.ppo.batches import Reply
from components.ppo.fused_lora import weights_formed
from components.ppo.prompts import Query
from components.ppo.roles import POLICY, Roles
from components.ppo.rollout import Sampling
from components.shared import shutdown
from components.shared.errors import ContractError, Interrupted
from components.shared.modeling import use_adapter

FLASH_PAGE_SIZE = 256
"""Tokens in a page of the cache: flash attention wants a multiple of 256."""
DENSE_PAGE_SIZE = 32
"""The same without flash attention, where smaller pages only save memory."""
DENSE_BATCH_TOKENS = 512
"""Tokens of one forward pass without flash attention: its dense mask has as many rows."""
POLL_SECONDS = 0.1
"""How often a stop is looked for while replies are awaited."""

_logger = logging.getLogger(__name__)


class ContinuousBatching:
    """The policy sampled by transformers' continuous batching.

    Every call makes its own cache and leaves no memory, thread, mode, attention implementation or random state behind it.
    """

    def __init__(self, roles: Roles) -> None:
        self._roles = roles
        if roles.device.type == "cuda" and flash_attention(roles.model.get_base_model()) is None:
            _logger.warning("no flash attention for this model: continuous batching will be slow; install flash-attn or set engine: loop")

    def generate(
        self, queries: Sequence[Query], sampling: Sampling, seed: int, rows: Sequence[int] | None = None, adapter: str = POLICY
    ) -> list[Reply]:
        """Sample a reply to each query under an adapter as it is now; it is the active one afterwards.

        Args:
            queries: any lengths.
            sampling: how; its batch size bounds the rows decoded together, and with them the cache.
            seed: the only source of randomness, with the rows and, under torch.distributed, the rank, which the library adds.
            rows: the queries' places in the whole rollout batch; 0, 1, ... when not given. Rows share one stream of random numbers, so that
                another batch size or number of processes gives other replies, which the loop's do not.
            adapter: the one that speaks.

        Returns:
            Replies in the order of the queries, without log-probabilities.

        Raises:
            Interrupted: a stop was asked for; nothing has changed.
            ContractError: the cache does not fit into memory.
            RuntimeError: the library failed; its error is the cause.
        """
        if not queries:
            use_adapter(self._roles.model, adapter)
            return []
        device, model = self._roles.device, self._roles.model
        stream = random.Random(f"{seed} {list(rows or range(len(queries)))}").getrandbits(62)
        # The library seeds torch's own generators, which shuffling and dropout elsewhere draw from.
        with torch.random.fork_rng([device] if device.type == "cuda" else []), _left_as_found(model):
            use_adapter(model, adapter)
            with weights_formed(model, adapter):
                responses = _sample(model.get_base_model(), queries, sampling, stream)
        return [
            Reply(query.prompt_id, query.input_ids, response, truncated=response[-1] not in sampling.stop_ids)
            for query, response in zip(queries, responses, strict=True)
        ]


def _sample(base: Any, queries: Sequence[Query], sampling: Sampling, seed: int) -> list[list[int]]:
    attention = flash_attention(base)
    if attention is not None:
        base.set_attn_implementation(attention)
    manager = base.init_continuous_batching(
        generation_config=_generation_config(sampling),
        continuous_batching_config=_batching_config(queries, sampling, seed, flash=attention is not None),
    )
    # Longest first, as the loop does it: the last to run are short. All before the thread starts: which rows share a forward pass, and so
    # which random numbers a row gets, must not depend on how fast two threads are.
    for index in sorted(range(len(queries)), key=lambda index: (-len(queries[index].input_ids), index)):
        manager.add_request(queries[index].input_ids, request_id=str(index))
    manager.start()
    try:
        responses = _collect(manager, len(queries))
    finally:
        manager.stop(hard_stop=True)  # waits for the thread, however long its last forward pass takes
        manager.destroy()
    if len(responses) < len(queries):
        raise _failure(manager.background_thread_status.fatal_error, sampling)
    return [responses[str(index)] for index in range(len(queries))]


def _collect(manager: Any, count: int) -> dict[str, list[int]]:
    """Return the finished responses by request; fewer than ``count`` when the library's thread has failed."""
    responses: dict[str, list[int]] = {}
    while len(responses) < count:
        if shutdown.requested():
            raise Interrupted
        running = manager.is_running()  # asked before the queue is: whatever a thread that has ended put there is then found
        output = manager.get_result(timeout=POLL_SECONDS if running else 0)
        if output is not None and output.error is None:
            responses[output.request_id] = output.generated_tokens
        elif output is not None or not running:
            break
    return responses


def _failure(error: Exception | None, sampling: Sampling) -> Exception:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        failure: Exception = ContractError(
            f"the cache of {sampling.batch_size} replies decoded together does not fit into memory ({error}); "
            "give a smaller generation_batch_size"
        )
    else:
        failure = RuntimeError(f"transformers' continuous batching failed ({type(error).__name__}: {error}); try engine: loop")
    failure.__cause__ = error
    return failure


def flash_attention(base: Any) -> str | None:
    """Return the installed flash attention that the model can use, or None.

    The library would switch by itself, but with the ``kernels`` package at hand it would also download compiled code from the hub.
    """
    if base.device.type != "cuda" or base.dtype not in (torch.bfloat16, torch.float16) or not base._supports_flash_attn:
        return None
    if is_flash_attn_3_available():
        return "flash_attention_3"
    return "flash_attention_2" if is_flash_attn_2_available() else None


def _generation_config(sampling: Sampling) -> GenerationConfig:
    # The whole distribution, and nothing of what the model's own generation_config.json asks for.
    limits = {"max_new_tokens": sampling.max_completion_length, "eos_token_id": sorted(sampling.stop_ids) or -1}
    if sampling.temperature == 0:
        return GenerationConfig(do_sample=False, **limits)
    return GenerationConfig(do_sample=True, temperature=sampling.temperature, top_k=0, top_p=1.0, **limits)


def _batching_config(queries: Sequence[Query], sampling: Sampling, seed: int, *, flash: bool) -> ContinuousBatchingConfig:
    page_size = FLASH_PAGE_SIZE if flash else DENSE_PAGE_SIZE
    rows = min(sampling.batch_size, len(queries))
    longest = max(len(query.input_ids) for query in queries) + sampling.max_completion_length
    return ContinuousBatchingConfig(
        page_size=page_size,
        # Left alone, the cache takes 60 % of a computer's memory or 90 % of a GPU's. This many pages hold all rows at their longest.
        num_blocks=rows * (-(-longest // page_size) + 1),
        max_batch_tokens=None if flash else max(DENSE_BATCH_TOKENS, rows),
        max_requests_per_batch=rows,
        safety_margin=0.0,  # kept for rows that need more pages later; all pages are there from the start
        seed=seed,
        auto_switch_to_flash=False,  # see flash_attention
        disable_nccl_graph_mixing=False,  # would set an environment variable for tensor parallelism, which is not used
    )


@contextmanager
def _left_as_found(model: PeftModel) -> Iterator[None]:
    """Put back what wants gradients, train mode and attention implementation.

    The library sets eval mode on the base and leaves it, and restores the attention only if its thread was started.
    """
    base = model.get_base_model()
    attention = base.config._attn_implementation
    gradients = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        if base.config._attn_implementation != attention:
            base.set_attn_implementation(attention)
        for parameter, wanted in gradients:
            parameter.requires_grad_(wanted)
        for module, training in modes:
            module.training = training
