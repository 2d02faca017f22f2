"""Which engine samples replies, by its name (needs torch, transformers)."""

from components.ppo.continuous_batching import ContinuousBatching, flash_attention
from components.ppo.roles import Roles
from components.ppo.rollout import Engine
from components.ppo.vllm_engine import VllmEngine
from components.shared.base_model import BaseModelReference
from components.shared.errors import ContractError

ENGINES = ("auto", "loop", "continuous_batching", "vllm")


def build_engine(name: str, roles: Roles, reference: BaseModelReference, loop: Engine, *, max_length: int | None = None) -> Engine:
    """Return the engine of a name.

    Args:
        name: one of ``ENGINES``; ``auto`` takes continuous batching where flash attention can be had, else the loop.
        roles: the model whose policy adapter samples.
        reference: its base; vLLM loads a copy of it.
        loop: our own decoding loop.
        max_length: tokens of the longest query and reply together, which vLLM makes room for; None takes the model's own limit.

    Raises:
        ContractError: the name is none of ``ENGINES``, or vLLM was asked for and cannot be had.
    """
    if name not in ENGINES:
        raise ContractError(f"engine {name!r} is not known; give one of {', '.join(ENGINES)}")
    if name == "auto":
        # Without flash attention it computes attention between all rows of a batch and hides most of it: slower than the loop.
        name = "continuous_batching" if flash_attention(roles.model.get_base_model()) else "loop"
    if name == "continuous_batching":
        return ContinuousBatching(roles)
    return VllmEngine(reference, roles, max_length=max_length) if name == "vllm" else loop
