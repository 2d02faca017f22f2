"""Pretrains the built-in base model and writes its folder: `make base-model DATA=<folder of the public sets>`.

Read text -> learn the tokenizer -> train -> measure bits per byte on held-out text -> save weights, tokenizer, record.
The same command on the same machine with the same number of threads gives the same weights.
"""

import argparse
import hashlib
import json
import math
import platform
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import tokenizers
import torch
import transformers
from safetensors.torch import load_file, save_file
from tqdm import tqdm
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from components.builtin.tiny.corpus import Corpus, Document, build_corpus
from components.builtin.tiny.tokenizer import MAX_LENGTH, VOCAB_SIZE, train_tokenizer

FOLDER: Final = Path(__file__).parent
TOKENS_PER_STEP: Final = 2048
# Most steps are short, which halves the cost of attention; one in eight is at full length, so that long positions are learned too.
SEQUENCE_LENGTHS: Final = (256,) * 7 + (MAX_LENGTH,)
NUM_WARMUP_STEPS, DECAY_FRACTION = 30, 0.4
PEAK_LR, EMBEDDING_LR = 0.006, 0.004
WEIGHT_DECAY: Final = 0.05


def model_config(tokenizer: PreTrainedTokenizerFast) -> LlamaConfig:
    """The shape: 3.8 million parameters, 7.6 MB in half precision, loaded in float32."""
    return LlamaConfig(
        vocab_size=VOCAB_SIZE,
        hidden_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=640,
        max_position_embeddings=MAX_LENGTH,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )


def encode(document: Document, tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Token ids of a document: a dialogue through the chat template, prose between BOS and the end token."""
    if document.messages is not None:
        text = tokenizer.apply_chat_template(document.messages, tokenize=False)
    else:
        text = f"{tokenizer.bos_token}{document.text}{tokenizer.eos_token}"
    ids: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return ids


def batches(documents: list[list[int]], num_steps: int, seed: int) -> Iterator[torch.Tensor]:
    """Yield `num_steps` batches of token ids, shape (TOKENS_PER_STEP / T, T); documents are reshuffled each epoch."""
    order, stream = random.Random(seed), list[int]()
    queue: list[int] = []
    for step in range(num_steps):
        while len(stream) < TOKENS_PER_STEP:
            if not queue:
                queue = list(range(len(documents)))
                order.shuffle(queue)
            stream.extend(documents[queue.pop()])
        length = SEQUENCE_LENGTHS[step % len(SEQUENCE_LENGTHS)]
        yield torch.tensor(stream[:TOKENS_PER_STEP]).view(-1, length)
        del stream[:TOKENS_PER_STEP]


def learning_rate_factor(step: int, num_steps: int) -> float:
    """Linear warmup, constant, then linear decay to zero over the last DECAY_FRACTION of the steps."""
    warmup = (step + 1) / NUM_WARMUP_STEPS
    decay = (num_steps - step) / (DECAY_FRACTION * num_steps)
    return min(1.0, warmup, decay)


def make_optimizers(model: LlamaForCausalLM) -> list[torch.optim.Optimizer]:
    """Muon (Jordan 2024) for the matrices inside the blocks, AdamW for the embedding and the norms.

    Muon needs about half the tokens of AdamW at this size, which is what a laptop has to spare.
    """
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    return [
        torch.optim.Muon(matrices, lr=PEAK_LR, weight_decay=WEIGHT_DECAY, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=EMBEDDING_LR, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def train(model: LlamaForCausalLM, documents: list[list[int]], num_steps: int, seed: int, bf16: bool) -> list[float]:
    """Train in place on every token; returns the loss (nats per token) of each step."""
    optimizers = make_optimizers(model)
    schedulers = [
        torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: learning_rate_factor(step, num_steps)) for optimizer in optimizers
    ]
    model.train()
    losses: list[float] = []
    bar = tqdm(batches(documents, num_steps, seed), total=num_steps, desc="pretraining", unit="step", mininterval=2.0)
    for input_ids in bar:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            loss = model(input_ids=input_ids, labels=input_ids, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, scheduler in zip(optimizers, schedulers, strict=True):
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        bar.set_postfix(loss=f"{sum(losses[-50:]) / len(losses[-50:]):.3f}", refresh=False)
    return losses


@torch.inference_mode()
def bits_per_byte(model: LlamaForCausalLM, documents: list[list[int]], num_bytes: int) -> float:
    """Negative log-likelihood of all tokens but each document's first, in bits, over the bytes of the text.

    Documents longer than the context are scored in consecutive windows without overlap.
    """
    model.eval()
    nats = 0.0
    for ids in documents:
        for start in range(0, len(ids) - 1, MAX_LENGTH - 1):
            window = torch.tensor([ids[start : start + MAX_LENGTH]])
            logits = model(input_ids=window[:, :-1], use_cache=False).logits.float()
            nats += torch.nn.functional.cross_entropy(logits[0], window[0, 1:], reduction="sum").item()
    return nats / math.log(2) / num_bytes


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write model and tokenizer; weights are stored in float16, and the config makes every loader use float32."""
    folder.mkdir(parents=True, exist_ok=True)
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        max_new_tokens=96,
        do_sample=True,
        temperature=0.7,
        top_k=0,
        top_p=1.0,
    )
    model.save_pretrained(folder)
    weights = folder / "model.safetensors"
    halves = {name: tensor.to(torch.float16) for name, tensor in load_file(weights).items()}
    save_file(halves, weights, metadata={"format": "pt"})
    weights.chmod(0o644)  # safetensors makes it private; a container runs as another user
    tokenizer.save_pretrained(folder, save_jinja_files=False)


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def held_out_scores(folder: Path, corpus: Corpus) -> dict[str, float]:
    """Bits per byte of the saved model on the held-out documents of each source."""
    model = LlamaForCausalLM.from_pretrained(folder)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    scores = {}
    for source in sorted({document.source for document in corpus.held_out}):
        documents = [document for document in corpus.held_out if document.source == source]
        num_bytes = sum(len(document.plain_text().encode()) for document in documents)
        scores[source] = round(bits_per_byte(model, [encode(d, tokenizer) for d in documents], num_bytes), 4)
    return scores


def loss_curve(losses: list[float], points: int = 10, width: int = 50) -> dict[str, float]:
    """The mean loss of the last `width` steps, at `points` steps evenly spread."""
    steps = sorted({round(len(losses) * k / points) for k in range(1, points + 1)} - {0})
    return {str(step): round(sum(losses[max(0, step - width) : step]) / min(width, step), 4) for step in steps}


def environment() -> dict[str, str]:
    """What the exact weights depend on besides the command."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
        "machine": platform.machine(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }


def parse_arguments(argv: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Pretrain the built-in base model and write its folder.")
    parser.add_argument("--data", type=Path, required=True, help="folder with counsel-chat/ and wikitext-2/")
    parser.add_argument("--output", type=Path, default=FOLDER, help="where the model goes (default: this folder)")
    parser.add_argument("--steps", type=int, default=1000, help=f"optimizer steps of {TOKENS_PER_STEP} tokens")
    parser.add_argument("--seed", type=int, default=20, help="of the text, the order and the first weights")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads; another number gives other rounding")
    parser.add_argument(
        "--precision", choices=("bf16", "fp32"), default="bf16", help="bf16 wants AVX512-BF16 or AMX; fp32 runs anywhere, slower"
    )
    return parser.parse_args(argv)


def main(argv: list[str]) -> None:
    """Run the steps of the module's docstring."""
    args = parse_arguments(argv)
    torch.set_num_threads(args.threads)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(args.seed)
    started = time.monotonic()
    corpus = build_corpus(args.data, args.seed)
    tokenizer = train_tokenizer(document.plain_text() for document in corpus.train)
    documents = [encode(document, tokenizer) for document in corpus.train]
    model = LlamaForCausalLM(model_config(tokenizer))
    losses = train(model, documents, args.steps, args.seed, args.precision == "bf16")
    save(model, tokenizer, args.output)
    record: dict[str, Any] = {
        "options": {name: getattr(args, name) for name in ("steps", "seed", "threads", "precision")},
        "num_parameters": model.num_parameters(),
        "num_tokens_in_corpus": sum(map(len, documents)),
        "num_tokens_seen": args.steps * TOKENS_PER_STEP,
        "corpus": corpus.summary(),
        "train_loss_nats_per_token": loss_curve(losses),
        "held_out_bits_per_byte": held_out_scores(args.output, corpus),
        "wall_seconds": round(time.monotonic() - started),
        "environment": environment(),
        "sha256": {name: sha256(args.output / name) for name in ("model.safetensors", "tokenizer.json")},
    }
    (args.output / "training_record.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({key: record[key] for key in ("held_out_bits_per_byte", "wall_seconds", "sha256")}, indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
