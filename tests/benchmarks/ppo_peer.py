"""TRL 1.12.0's PPO at a given model shape, in a process of its own: prints one JSON line (needs trl==1.12.0, not Attune).

Run by ``tests.benchmarks.ppo`` under the Python of an environment that holds TRL. Policy with LoRA on all linear layers, reference by
switching the adapter off, separate value and reward models; four gradient accumulation steps make the one mini-batch of an epoch.
"""

import argparse
import json
import logging
import os
import statistics
import tempfile
import time
import warnings
from typing import Any

warnings.filterwarnings("ignore")
os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"

import torch  # noqa: E402
from datasets import Dataset  # noqa: E402
from peft import LoraConfig, get_peft_model  # noqa: E402
from tokenizers import Tokenizer, models  # noqa: E402
from transformers import (  # noqa: E402
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    LlamaConfig,
    PreTrainedTokenizerFast,
    TrainerCallback,
)
from trl.experimental.ppo import PPOConfig, PPOTrainer, ppo_trainer  # noqa: E402

from tests.benchmarks.ppo_measure import Memory, TokenCounter, cores, synchronize, threads  # noqa: E402

PAD, END, START = 1, 2, 3


class Clock(TrainerCallback):  # type: ignore[misc]
    """Notes when updates end and when phases within them begin; counts tokens during the last update, which is not timed."""

    def __init__(self, updates: int) -> None:
        """``updates``: how many there will be, the counted one included."""
        self.last = updates
        self.counter: TokenCounter | None = None
        self.counting: Any = None
        self.ends = [time.perf_counter()]
        self.phases: list[dict[str, float]] = [{}]
        self._update_began: float | None = None

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Close an update."""
        synchronize()
        now = time.perf_counter()
        self.phases[-1]["update"] = now - (self._update_began or now)
        self.phases[-1]["scoring"] = now - self.ends[-1] - self.phases[-1]["update"] - self.phases[-1].get("rollout", 0.0)
        self.ends.append(now)
        self.phases.append({})
        self._update_began = None
        if state.global_step == self.last - 1 and self.counter is not None:
            self.counting = self.counter.counting()
            self.counting.__enter__()

    def watch(self, trainer: Any) -> None:
        """Time generation and find the first training forward pass of each update."""
        generate = ppo_trainer.batch_generation
        parts = {"policy": trainer.model.policy, "value": trainer.model.value_model, "reward": trainer.reward_model}
        self.counter = counter = TokenCounter({name: first_layer(model) for name, model in parts.items()})

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            counter.sampling = True
            result = generate(*args, **kwargs)
            counter.sampling = False
            synchronize()
            self.phases[-1]["rollout"] = time.perf_counter() - start
            return result

        def training_begins(*_: Any) -> None:
            if self._update_began is None:
                self._update_began = time.perf_counter()

        ppo_trainer.batch_generation = timed
        trainer.model.register_forward_pre_hook(training_begins)


def first_layer(model: Any) -> torch.nn.Module:
    """Return a model's first decoder layer, with LoRA or without."""
    return next(module for name, module in model.named_modules() if name.endswith("layers.0"))


def main() -> None:
    """Train for a few updates and print the line."""
    arguments = parse()
    memory = Memory()
    torch.manual_seed(0)
    clock = Clock(arguments.updates + 1)
    with tempfile.TemporaryDirectory() as folder:
        trainer = build(arguments, clock, folder)
        clock.watch(trainer)
        synchronize()
        clock.ends[0] = time.perf_counter()
        trainer.train()
    if clock.counting is not None:
        clock.counting.__exit__(None, None, None)
    print(json.dumps(summary(arguments, clock, memory)))  # noqa: T201


def parse() -> argparse.Namespace:
    """Read the command line; the defaults are the baseline's."""
    parser = argparse.ArgumentParser(description=__doc__)
    sizes = {"hidden": 256, "layers": 6, "vocab": 8192, "heads": 8, "kv-heads": 8, "intermediate": 0, "batch": 32, "prompt": 64}
    sizes |= {"response": 48, "epochs": 4, "rank": 16, "updates": 3}
    for name, value in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32", help="of every model's weights")
    parser.add_argument("--lora-value", action="store_true", help="LoRA on the value model too; TRL trains all of its weights by default")
    return parser.parse_args()


def build(arguments: argparse.Namespace, clock: Clock, folder: str) -> Any:
    """Make the models, the prompts and the trainer."""
    logging.disable(logging.WARNING)
    shape = LlamaConfig(
        vocab_size=arguments.vocab,
        hidden_size=arguments.hidden,
        intermediate_size=arguments.intermediate or 4 * arguments.hidden,
        num_hidden_layers=arguments.layers,
        num_attention_heads=arguments.heads,
        num_key_value_heads=arguments.kv_heads,
        max_position_embeddings=1024,
        pad_token_id=PAD,
        eos_token_id=END,
        bos_token_id=START,
    )
    dtype = getattr(torch, arguments.dtype)
    policy = AutoModelForCausalLM.from_config(shape, dtype=dtype)
    judged = LlamaConfig(**{**shape.to_dict(), "num_labels": 1})
    reward, value = (AutoModelForSequenceClassification.from_config(judged, dtype=dtype) for _ in range(2))
    if arguments.lora_value:
        value = get_peft_model(value, lora(arguments, "SEQ_CLS"))
    words = Tokenizer(models.WordLevel({f"t{place}": place for place in range(arguments.vocab)}, unk_token="t0"))
    names = {"pad_token": f"t{PAD}", "eos_token": f"t{END}", "bos_token": f"t{START}"}
    generator = torch.Generator().manual_seed(0)
    count = arguments.batch * (arguments.updates + 2)
    prompts = Dataset.from_list(
        [{"input_ids": torch.randint(4, arguments.vocab, (arguments.prompt,), generator=generator).tolist()} for _ in range(count)]
    )
    settings = PPOConfig(
        output_dir=folder,
        per_device_train_batch_size=arguments.batch // 4,
        gradient_accumulation_steps=4,
        num_mini_batches=1,
        num_ppo_epochs=arguments.epochs,
        total_episodes=arguments.batch * (arguments.updates + 1),
        response_length=arguments.response,
        local_rollout_forward_batch_size=arguments.batch,
        learning_rate=1e-5,
        missing_eos_penalty=1.0,
        stop_token="eos",
        num_sample_generations=0,
        report_to=[],
        save_strategy="no",
        logging_steps=1,
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
        bf16=torch.cuda.is_available(),
    )
    return PPOTrainer(
        args=settings,
        processing_class=PreTrainedTokenizerFast(tokenizer_object=words, padding_side="left", **names),
        model=policy,
        ref_model=None,
        reward_model=reward,
        value_model=value,
        train_dataset=prompts,
        eval_dataset=prompts.select(range(arguments.batch)),
        peft_config=lora(arguments, "CAUSAL_LM"),
        callbacks=[clock],
    )


def lora(arguments: argparse.Namespace, task: str) -> LoraConfig:
    """Return the adapter's shape."""
    return LoraConfig(r=arguments.rank, lora_alpha=2 * arguments.rank, target_modules="all-linear", task_type=task)


def summary(arguments: argparse.Namespace, clock: Clock, memory: Memory) -> dict[str, Any]:
    """Return what is printed. The first update warms up and the last one was counted; the median is over those between."""
    steps = [end - start for start, end in zip(clock.ends[:-1], clock.ends[1:], strict=True)][: arguments.updates]
    timed = slice(1, arguments.updates) if arguments.updates > 1 else slice(0, 1)
    seconds = statistics.median(steps[timed])
    phases = clock.phases[timed]
    batch_tokens = arguments.batch * (arguments.prompt + arguments.response)
    assert clock.counter is not None
    return {
        "side": "trl-1.12.0",
        "seconds": seconds,
        "updates": steps,
        "episodes_per_second": arguments.batch / seconds,
        "tokens_per_second": arguments.batch * arguments.response / seconds,
        "peak_mib": memory.peak_mib(),
        "phases": {name: statistics.median(phase[name] for phase in phases) for name in ("rollout", "scoring", "update")},
        "passes": clock.counter.passes(batch_tokens),
        "threads": threads(),
        "cores": cores(),
        "torch": torch.__version__,
    }


if __name__ == "__main__":
    main()
