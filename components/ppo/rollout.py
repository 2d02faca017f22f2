"""Sampling replies from the policy: an own decoding loop (needs torch, transformers).

Why not ``generate``: its defaults sample from the 50 likeliest tokens only, finished sequences stay in the batch as padding, and the cache
is copied whole for every token. Here each token comes from the full distribution, rows that have ended leave the batch, and the cache has
room for the longest reply from the start.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from components.ppo.batches import Reply
from components.ppo.prompts import Query
from components.ppo.roles import Roles
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
        batch_size: rows decoded together.
    """

    max_completion_length: int
    temperature: float
    stop_ids: frozenset[int]
    batch_size: int


@torch.no_grad()
def generate(roles: Roles, queries: Sequence[Query], sampling: Sampling, generator: torch.Generator) -> list[Reply]:
    """Sample a reply to each query under the active adapter.

    Args:
        roles: the model, the adapter to sample from active; train mode is left as it was found.
        queries: any lengths.
        sampling: how.
        generator: on the model's device; the only source of randomness.

    Returns:
        Replies in the order of the queries.

    Raises:
        Interrupted: a stop was asked for; nothing has changed.
    """
    was_training = roles.model.training
    roles.model.eval()
    replies: dict[int, Reply] = {}
    order = sorted(range(len(queries)), key=lambda index: (-len(queries[index].input_ids), index))
    for start in range(0, len(order), sampling.batch_size):
        chosen = order[start : start + sampling.batch_size]
        responses = _Decoder(roles, [queries[index].input_ids for index in chosen], sampling).run(generator)
        for index, response in zip(chosen, responses, strict=True):
            query = queries[index]
            truncated = response[-1] not in sampling.stop_ids
            replies[index] = Reply(query.prompt_id, query.input_ids, response, truncated)
    roles.model.train(was_training)
    return [replies[index] for index in range(len(queries))]


class _Decoder:
    """Decodes one batch of queries, padded on the left so that all rows grow at the same place."""

    def __init__(self, roles: Roles, queries: Sequence[list[int]], sampling: Sampling) -> None:
        device = roles.device
        lengths = torch.tensor([len(query) for query in queries], device=device)
        width = int(lengths.max())
        self._roles, self._sampling = roles, sampling
        self._ids = torch.tensor([[0] * (width - len(query)) + query for query in queries], device=device)
        self._mask = (torch.arange(width, device=device)[None, :] >= width - lengths[:, None]).long()
        self._positions = (self._mask.cumsum(1) - 1).clamp(min=0)
        self._cache = _roomy_cache(roles.model.get_base_model().config, width + sampling.max_completion_length)
        self._alive = torch.arange(len(queries), device=device)
        self._responses: list[list[int]] = [[] for _ in queries]

    def run(self, generator: torch.Generator) -> list[list[int]]:
        """Return the response ids of each query."""
        stops = torch.tensor(sorted(self._sampling.stop_ids), device=self._roles.device)
        finished = torch.zeros(len(self._alive), dtype=torch.bool, device=self._roles.device)
        for _ in range(self._sampling.max_completion_length):
            if shutdown.requested():
                raise Interrupted
            tokens = self._sample(self._forward(), generator)
            for row, token, done in zip(self._alive.tolist(), tokens.tolist(), finished.tolist(), strict=True):
                if not done:
                    self._responses[row].append(token)
            finished = finished | torch.isin(tokens, stops)
            if bool(finished.all()):
                break
            self._ids, self._positions = tokens[:, None], self._positions[:, -1:] + 1
            self._mask = torch.nn.functional.pad(self._mask, (0, 1), value=1)
            if float(finished.float().mean()) >= COMPACT_FRACTION:
                self._keep((~finished).nonzero().squeeze(1))
                finished = finished[~finished]
        return self._responses

    def _forward(self) -> torch.Tensor:
        states = self._roles.model.get_base_model().base_model(
            input_ids=self._ids, attention_mask=self._mask, position_ids=self._positions, past_key_values=self._cache, use_cache=True
        )
        return self._roles.projection.logits(states.last_hidden_state[:, -1])

    def _sample(self, logits: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        if self._sampling.temperature == 0:
            return logits.argmax(-1)
        probabilities = torch.softmax(logits / self._sampling.temperature, dim=-1)
        return torch.multinomial(probabilities, 1, generator=generator).squeeze(1)

    def _keep(self, places: torch.Tensor) -> None:
        self._cache.batch_select_indices(places)
        self._ids, self._mask, self._positions = self._ids[places], self._mask[places], self._positions[places]
        self._alive = self._alive[places]


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
