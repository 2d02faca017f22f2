"""Floating-point operations that one PPO update needs, counted from the model's shape.

A multiplication and an addition are two operations. Legend: H hidden size, K width of the keys, I width of the MLP, L layers, V vocabulary,
r LoRA rank; B sequences of Q prompt and R response tokens, T = Q + R, E epochs; n tokens, c attended pairs (B T (T + 1) / 2 for whole
causal sequences). For one layer, with P = 2 H^2 + 2 H K + 3 H I weights and S the sum of inputs and outputs of its linear layers:

    forward   2 P n  +  2 r min(P, S n)  +  4 H c
    backward  2 P n  +  4 r S n          +  8 H c

The base is frozen, so its linear layers need the gradient of their inputs only: once the forward pass, not twice. LoRA is counted in the
cheaper of its forms: ``W + s B A`` is formed once for all tokens, or ``B (A x)`` added for each; its gradients need products with every
token. Attention has two products forward and four backward. The frozen vocabulary projection is needed at the B R positions that
predict response tokens: 2 H V forward, 2 H V for the gradient of the states. Normalisations, softmax, heads of one output and the optimizer
are not counted: they are what the measured time has to spare for.

``update`` counts what nobody can do without: in the last layer everything but keys and values at the B R predicting positions alone, in the
first layer no gradient of the inputs. ``update_plain`` has every layer at every token.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """A Llama and a rollout batch."""

    hidden: int
    layers: int
    vocab: int
    batch: int
    prompt: int
    response: int
    epochs: int
    rank: int = 16
    heads: int = 8
    kv_heads: int = 8
    intermediate: int = 0
    """Width of the MLP; 0: four times ``hidden``."""

    @property
    def mlp(self) -> int:
        """Width of the MLP."""
        return self.intermediate or 4 * self.hidden

    @property
    def keys(self) -> int:
        """Width of keys and of values."""
        return self.hidden * self.kv_heads // self.heads

    @property
    def tokens(self) -> int:
        """Tokens of a rollout batch, B T."""
        return self.batch * (self.prompt + self.response)

    @property
    def micro_batch_tokens(self) -> int:
        """Tokens of a quarter of the rollout batch: the baseline's micro-batch, and so ours."""
        return -(-self.batch // 4) * (self.prompt + self.response)

    @property
    def weights(self) -> int:
        """Weights of one layer's linear maps, P."""
        return 2 * self.hidden**2 + 2 * self.hidden * self.keys + 3 * self.hidden * self.mlp

    @property
    def widths(self) -> int:
        """Inputs and outputs of one layer's linear maps, summed, S."""
        return 4 * self.hidden + 2 * (self.hidden + self.keys) + 3 * (self.hidden + self.mlp)

    @property
    def pairs(self) -> int:
        """Attended pairs of the whole rollout batch, c."""
        length = self.prompt + self.response
        return self.batch * length * (length + 1) // 2


def forward(shape: Shape) -> float:
    """Return the operations of one forward pass of the backbone over the rollout batch."""
    adapter = shape.rank * min(shape.weights, shape.widths * shape.tokens)
    layer = 2 * shape.weights * shape.tokens + 2 * adapter + 4 * shape.hidden * shape.pairs
    return float(shape.layers * layer)


def backward(shape: Shape) -> float:
    """Return the operations of one backward pass of the backbone over the rollout batch."""
    layer = (2 * shape.weights + 4 * shape.rank * shape.widths) * shape.tokens + 8 * shape.hidden * shape.pairs
    return float(shape.layers * layer)


def vocabulary(shape: Shape) -> float:
    """Return the operations of the vocabulary projection at the response positions, one way."""
    return 2.0 * shape.hidden * shape.vocab * shape.batch * shape.response


def trunk_passes(shape: Shape, value_mode: str) -> int:
    """Return the passes, forward and backward, of the update phase: E of the policy and, with an adapter of its own, E - 1 of the value.

    A value adapter on the upper layers only passes through its share of the layers.

    The value's first pass falls into the scoring phase: it gives the values at rollout time too (one mini-batch an epoch here).
    """
    return shape.epochs if value_mode == "shared_trunk" else 2 * shape.epochs - 1


def update_plain(shape: Shape, value_mode: str, value_share: float = 1.0) -> float:
    """Return the operations of the update phase with every layer at every token; ``value_share`` of the layers in a pass of the value."""
    passes = shape.epochs + value_share * (trunk_passes(shape, value_mode) - shape.epochs)
    return passes * (forward(shape) + backward(shape)) + shape.epochs * 2 * vocabulary(shape)


def update(shape: Shape, value_mode: str, value_share: float = 1.0) -> float:
    """Return the operations that the update phase needs: the plain ones without what the last and the first layer can leave out."""
    length, read = shape.prompt + shape.response, shape.batch * shape.response
    spared = shape.tokens - read
    h, keys, r = shape.hidden, shape.keys, shape.rank
    not_keys = shape.weights - 2 * h * keys
    not_keys_widths = shape.widths - 2 * (h + keys)
    read_pairs = shape.batch * sum(range(shape.prompt, length))  # the position before each response token sees those up to itself
    last = (4 * not_keys + 4 * r * not_keys_widths) * spared + 12 * h * (shape.pairs - read_pairs)
    first = 2 * (h * h + 2 * h * keys) * shape.tokens
    return update_plain(shape, value_mode, value_share) - trunk_passes(shape, value_mode) * (last + first)


def products(shape: Shape) -> list[tuple[int, int, int, float]]:
    """Return the matrix products of a micro-batch and how often each comes, for ``ppo_measure.product_rate``."""
    n, h, mlp = shape.micro_batch_tokens, shape.hidden, shape.mlp
    read = max(1, n * shape.response // (shape.prompt + shape.response))
    return [(n, h, h, 4.0 * shape.layers), (n, h, mlp, 2.0 * shape.layers), (n, mlp, h, 1.0 * shape.layers), (read, h, shape.vocab, 1.0)]


def plan(shape: Shape, value_mode: str, *, recompute: bool, value_share: float = 1.0) -> dict[str, float]:
    """Return the passes over the rollout batch through the first layer that the algorithm takes.

    ``rollout``: prompt and decoded tokens once, the last token of a reply excepted. ``forward``: reference and reward; the policy where its
    log-probabilities are not kept from the rollout; then E epochs of the policy and, with an adapter of its own, E of the value, whose
    values at rollout time come from the first of these (one mini-batch an epoch). ``backward``: E of each trunk. A value adapter on
    the upper layers only never comes to the first.
    """
    trunks = 1 if value_mode == "shared_trunk" or value_share < 1 else 2
    scoring = 2 + int(recompute)
    rollout = 1 - shape.batch / shape.tokens
    return {"rollout": rollout, "forward": float(scoring + shape.epochs * trunks), "backward": float(shape.epochs * trunks)}


def peer_plan(shape: Shape) -> dict[str, float]:
    """Return TRL's: generation; reference, value and reward; E epochs of policy and value."""
    return {**plan(shape, "adapter", recompute=False), "forward": float(3 + 2 * shape.epochs)}
