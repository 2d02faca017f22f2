"""Sampling replies from the policy: the interface of the engines, and our own decoding loop (needs torch, transformers).

Why not ``generate``: its defaults sample from the 50 likeliest tokens only, finished sequences stay in the batch as padding, the cache is
copied whole for every token, and it keeps the logits of all. Here each token comes from the full distribution by inverting its cumulative
distribution at a number that belongs to the reply's place in the rollout batch and to the token's place in the reply. A reply is then the
same whatever it is decoded with: batches of any size, other rows that leave, another number of processes.

Legend: B replies of a rollout batch, b rows decoded together, R most tokens of a reply, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from components.ppo.batches import Reply
from components.ppo.prompts import Query
from components.ppo.roles import POLICY, Roles
from components.shared import shutdown
from components.shared.errors import Interrupted

COMPACT_FRACTION = 0.25
"""Rows leave the batch once this fraction of it has ended: leaving costs a copy of the cache, staying costs arithmetic."""


@dataclass(frozen=True)
class Sampling:
    """How replies are drawn.

    Attributes:
        max_completion_length: most tokens of a reply.
        temperature: divides the logits; 0 takes the likeliest token.
        stop_ids: tokens that end a reply and belong to it.
        batch_size: replies decoded together.
    """

    max_completion_length: int
    temperature: float
    stop_ids: frozenset[int]
    batch_size: int


class Engine(Protocol):
    """What samples replies."""

    def generate(
        self, queries: Sequence[Query], sampling: Sampling, seed: int, rows: Sequence[int] | None = None, adapter: str = POLICY
    ) -> list[Reply]:
        """Sample a reply to each query under an adapter as it is now; it is the active one afterwards.

        Args:
            queries: any lengths.
            sampling: how.
            seed: the only source of randomness, with the rows.
            rows: the queries' places in the whole rollout batch; 0, 1, ... when not given.
            adapter: the one that speaks.

        Returns:
            Replies in the order of the queries.

        Raises:
            Interrupted: a stop was asked for; nothing has changed.
        """
        ...


class DecodingLoop:
    """Our own engine: any causal model, any device, log-probabilities and entropies kept."""

    def __init__(self, roles: Roles) -> None:
        self._roles = roles

    @torch.no_grad()
    def generate(
        self, queries: Sequence[Query], sampling: Sampling, seed: int, rows: Sequence[int] | None = None, adapter: str = POLICY
    ) -> list[Reply]:
        """See ``Engine``."""
        model, places = self._roles.model, list(range(len(queries)) if rows is None else rows)
        was_training = model.training
        model.eval()
        uniforms = _uniforms(places, sampling.max_completion_length, seed).to(self._roles.device)
        replies: dict[int, Reply] = {}
        order = sorted(range(len(queries)), key=lambda index: (-len(queries[index].input_ids), index))
        try:
            with self._roles.speaking(adapter):
                for start in range(0, len(order), sampling.batch_size):
                    chosen = order[start : start + sampling.batch_size]
                    decoder = _Decoder(self._roles, [queries[index].input_ids for index in chosen], sampling, uniforms[chosen])
                    for index, draft in zip(chosen, decoder.run(), strict=True):
                        replies[index] = draft.reply(queries[index], sampling.stop_ids)
        finally:
            model.train(was_training)
        return [replies[index] for index in range(len(queries))]


def _uniforms(rows: Sequence[int], count: int, seed: int) -> torch.Tensor:
    """Return the random numbers of each row, (len(rows), count): made on the CPU, where they are the same on every machine."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand((max(rows, default=-1) + 1, count), generator=generator, dtype=torch.float64)[list(rows)]


@dataclass
class _Draft:
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    entropies: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def reply(self, query: Query, stop_ids: frozenset[int]) -> Reply:
        truncated = self.ids[-1] not in stop_ids
        return Reply(query.prompt_id, query.input_ids, self.ids, truncated, self.logprobs, self.entropies, self.values or None)


class _Decoder:
    """Decodes one batch of queries, padded on the left so that all rows grow at the same place."""

    def __init__(self, roles: Roles, queries: Sequence[list[int]], sampling: Sampling, uniforms: torch.Tensor) -> None:
        device = roles.device
        lengths = torch.tensor([len(query) for query in queries], device=device)
        width = int(lengths.max())
        self._roles, self._sampling, self._uniforms = roles, sampling, uniforms
        self._ids = torch.tensor([[0] * (width - len(query)) + query for query in queries], device=device)
        self._mask = (torch.arange(width, device=device)[None, :] >= width - lengths[:, None]).long()
        self._positions = (self._mask.cumsum(1) - 1).clamp(min=0)
        self._cache = _roomy_cache(roles.model.get_base_model().config, width + sampling.max_completion_length)
        self._alive = torch.arange(len(queries), device=device)
        self._drafts = [_Draft() for _ in queries]

    def run(self) -> list[_Draft]:
        """Return what was drawn for each query."""
        stops = torch.tensor(sorted(self._sampling.stop_ids), device=self._roles.device)
        finished = torch.zeros(len(self._alive), dtype=torch.bool, device=self._roles.device)
        for step in range(self._sampling.max_completion_length):
            if shutdown.requested():
                raise Interrupted
            states = self._forward()
            tokens, logprobs, entropies = draw(
                self._roles.projection.logits(states), self._uniforms[self._alive, step], self._sampling.temperature
            )
            self._keep_numbers(tokens, logprobs, entropies, states, finished)
            finished = finished | torch.isin(tokens, stops)
            if bool(finished.all()):
                break
            self._ids, self._positions = tokens[:, None], self._positions[:, -1:] + 1
            self._mask = torch.nn.functional.pad(self._mask, (0, 1), value=1)
            if float(finished.float().mean()) >= COMPACT_FRACTION:
                self._leave(finished)
                finished = finished[~finished]
        return self._drafts

    def _forward(self) -> torch.Tensor:
        # Without padding the mask says nothing, and attention without one is faster.
        mask = None if bool(self._mask.all()) else self._mask
        states = self._roles.model.get_base_model().base_model(
            input_ids=self._ids, attention_mask=mask, position_ids=self._positions, past_key_values=self._cache, use_cache=True
        )
        last: torch.Tensor = states.last_hidden_state[:, -1]
        return last

    def _keep_numbers(
        self, tokens: torch.Tensor, logprobs: torch.Tensor, entropies: torch.Tensor, states: torch.Tensor, finished: torch.Tensor
    ) -> None:
        values = self._roles.values_of_policy_states(states)
        columns = [tokens.tolist(), logprobs.tolist(), entropies.tolist(), values.tolist() if values is not None else None]
        for place, (row, done) in enumerate(zip(self._alive.tolist(), finished.tolist(), strict=True)):
            if not done:
                draft = self._drafts[row]
                for kept, column in zip((draft.ids, draft.logprobs, draft.entropies, draft.values), columns, strict=True):
                    if column is not None:
                        kept.append(column[place])

    def _leave(self, finished: torch.Tensor) -> None:
        places = (~finished).nonzero().squeeze(1)
        self._cache.batch_select_indices(places)
        self._ids, self._mask, self._positions = self._ids[places], self._mask[places], self._positions[places]
        self._alive = self._alive[places]


def draw(logits: torch.Tensor, uniforms: torch.Tensor, temperature: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Draw a token from each row by inverting its cumulative distribution.

    Args:
        logits: fp32, shape (b, V).
        uniforms: numbers in [0, 1), fp64, shape (b,).
        temperature: divides the logits; 0 takes the likeliest token of the distribution at temperature 1.

    Returns:
        Token ids, their log-probabilities, and the distributions' entropies in nats, shape (b,) each.
    """
    scaled = logits / temperature if temperature not in (0, 1) else logits
    normaliser = scaled.logsumexp(-1, keepdim=True)
    probabilities = (scaled - normaliser).exp_()
    entropies = normaliser.squeeze(1) - torch.linalg.vecdot(probabilities, scaled)
    if temperature == 0:
        tokens = scaled.argmax(-1)
    else:
        cumulative = probabilities.cumsum(-1, dtype=torch.float64)  # fp32 would lose the tail of a large vocabulary
        thresholds = uniforms[:, None] * cumulative[:, -1:]
        tokens = torch.searchsorted(cumulative, thresholds, right=True).squeeze(1).clamp_(max=logits.shape[1] - 1)
    logprobs = scaled.gather(1, tokens[:, None]).squeeze(1) - normaliser.squeeze(1)
    return tokens, logprobs, entropies


class _RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of one layer in buffers with room for the whole reply: a new token is written, nothing is copied."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self._capacity, self._length = capacity, 0
        self._room: tuple[torch.Tensor, ...] = ()

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Append states of shape (B, heads, new, size) and return all so far."""
        batch, heads, new, _ = key_states.shape
        if not self._room:
            self.dtype, self.device = key_states.dtype, key_states.device
            self._room = tuple(states.new_empty((batch, heads, self._capacity, states.shape[-1])) for states in (key_states, value_states))
            self.is_initialized = True
        for room, states in zip(self._room, (key_states, value_states), strict=True):
            room[:, :, self._length : self._length + new] = states
        self._length += new
        self.keys, self.values = (room[:, :, : self._length] for room in self._room)
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep some rows."""
        self._room = tuple(room[indices] for room in self._room)
        self.keys, self.values = (room[:, :, : self._length] for room in self._room)


def _roomy_cache(config: Any, capacity: int) -> DynamicCache:
    cache = DynamicCache(config=config)
    # Sliding-window and other special layers keep the library's own kind.
    cache.layers = [_RoomyLayer(capacity) if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache
