"""Writes a random Llama with an SFT adapter and a reward model, as the ppo stage finds them: ``python -m tests.benchmarks.ppo_family DIR``.

A process of its own, so that making the models does not count towards the memory of the process that trains them.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from components.shared.base_model import BaseModelReference, directory_digest
from components.shared.lora import LoraSettings
from components.shared.modeling import load_base, new_adapter, save_adapter
from components.shared.reward_model import Normalisation, ScalarHead, save_reward_model
from tests.benchmarks.ppo_operations import Shape

PAD, END, START = 1, 2, 3


def main() -> None:
    """Write ``base``, ``sft`` and ``reward`` below a directory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--shape", required=True, help="the fields of ppo_operations.Shape as JSON")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32", help="of the base's weights on disk")
    arguments = parser.parse_args()
    write_family(arguments.directory, Shape(**json.loads(arguments.shape)), getattr(torch, arguments.dtype))


def write_family(directory: Path, shape: Shape, dtype: torch.dtype = torch.float32) -> None:
    """Write the three below ``directory``; their weights are random and the same each time."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=shape.vocab,
        hidden_size=shape.hidden,
        intermediate_size=shape.mlp,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        max_position_embeddings=1024,
        pad_token_id=PAD,
        eos_token_id=END,
        bos_token_id=START,
    )
    LlamaForCausalLM(config).to(dtype).save_pretrained(str(directory / "base"))
    lora = LoraSettings(r=shape.rank, alpha=2 * shape.rank, dropout=0.0, target_modules="all-linear")
    model = new_adapter(load_base(reference_of(directory)), "sft", lora)
    save_adapter(model, "sft", directory / "sft")
    save_reward_model(model, "sft", ScalarHead(shape.hidden), Normalisation(mean=0.0, std=1.0), directory / "reward")


def reference_of(directory: Path) -> BaseModelReference:
    """Return the reference of the base below a directory."""
    base = directory / "base"
    return BaseModelReference(uri=f"file://{base.absolute()}", revision="local", digest=directory_digest(base))


def shape_json(shape: Shape) -> str:
    """Return the shape as ``--shape`` takes it."""
    return json.dumps(asdict(shape))


if __name__ == "__main__":
    main()
