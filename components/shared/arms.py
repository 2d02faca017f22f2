"""The three arms on one frozen base: adapters off, the SFT adapter, the PPO adapter (needs torch)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.shared import artifacts, modeling
from components.shared.artifacts import Manifest
from components.shared.base_model import BaseModelReference
from components.shared.errors import ContractError


class Arms:
    """The base model with both adapters, loaded once."""

    def __init__(self, reference: BaseModelReference, directories: dict[str, Path], max_length: int) -> None:
        """Load the model.

        Args:
            reference: the base model.
            directories: adapter name to its directory.
            max_length: longest context wanted, tokens.
        """
        self.tokenizer: Any = modeling.load_tokenizer(reference)
        model: Any = modeling.load_base(reference)
        own: int | None = getattr(model.config, "max_position_embeddings", None)  # models without absolute limits name none
        self.context: int = min(max_length, own) if own else max_length
        for name, directory in directories.items():
            model = modeling.load_adapter(model, name, directory)
        self._model = model.eval()

    @contextmanager
    def active(self, arm: str) -> Iterator[Any]:
        """Yield the model as one arm; ``base`` is the model with its adapters switched off, not the SFT model."""
        if arm == "base":
            with self._model.disable_adapter():
                yield self._model
        else:
            modeling.use_adapter(self._model, arm)
            yield self._model


def open_adapters(sft_adapter: Any, ppo_adapter: Any, reference: BaseModelReference) -> dict[str, tuple[Path, Manifest]]:
    """Open both adapters and check that they belong to this base model and to each other.

    Raises:
        ContractError: an adapter was trained on another base, or the policy started from another SFT adapter.
    """
    opened = {name: artifacts.open_sealed(given, modeling.ADAPTER_SCHEMA) for name, given in (("sft", sft_adapter), ("ppo", ppo_adapter))}
    wanted = {"base_model": reference.digest, "sft_adapter": opened["sft"][1].digest}
    for name, (_, manifest) in opened.items():
        for parent, digest in wanted.items():
            if manifest.parents.get(parent, digest) != digest:
                raise ContractError(
                    f"{name}_adapter was trained on another {parent} ({manifest.parents[parent][:12]}) than the one given ({digest[:12]}); "
                    "use artifacts of one pipeline run"
                )
    return opened
