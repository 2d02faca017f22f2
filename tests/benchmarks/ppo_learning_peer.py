"""TRL 1.12.0's PPO on the sample data, in a process of its own (needs trl==1.12.0, not Attune). Run by ``tests.benchmarks.ppo_learning``.

Reads the folder that ``ppo_learning_inputs`` wrote and starts where Attune starts: the policy is a trainable copy of the sft adapter beside
a frozen one (``ref_adapter_name``), reward and value are the merged reward model with the scores' normalisation folded into its head. TRL
has no learning rate of its own for the value model, so it is given an optimizer with two groups.
"""

import argparse
import json
import logging
import os
import time
import warnings
from pathlib import Path
from typing import Any

warnings.filterwarnings("ignore")
os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"

import torch  # noqa: E402
from datasets import Dataset  # noqa: E402
from peft import PeftModel, get_peft_model_state_dict  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer, TrainerCallback  # noqa: E402
from trl.experimental.ppo import PPOConfig, PPOTrainer  # noqa: E402

POLICY, REFERENCE = "policy", "reference"


class Keeper(TrainerCallback):  # type: ignore[misc]
    """Keeps the policy adapter every few steps."""

    def __init__(self, policy: Any, directory: Path, every: int) -> None:
        self._policy, self._directory, self._every = policy, directory, every

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Write the adapter if it is due."""
        if state.global_step % self._every == 0:
            folder = self._directory / f"step-{state.global_step:04d}"
            folder.mkdir(parents=True, exist_ok=True)
            weights = get_peft_model_state_dict(self._policy, adapter_name=POLICY)
            save_file(
                {name: tensor.detach().clone().contiguous() for name, tensor in weights.items()}, folder / "adapter_model.safetensors"
            )


def main() -> None:
    """Train one seed, keeping the policy on the way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("inputs", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    torch.manual_seed(arguments.seed)
    inputs: Path = arguments.inputs
    settings = json.loads((inputs / "settings.json").read_text(encoding="utf-8"))
    tokenizer = AutoTokenizer.from_pretrained(inputs / "base", padding_side="left")
    policy = load_policy(inputs)
    reward, value = load_classifier(inputs), load_classifier(inputs)
    probe(inputs, arguments.output, policy, reward)
    rows = json.loads((inputs / "prompts.json").read_text(encoding="utf-8"))
    prompts = Dataset.from_list([{"input_ids": ids} for ids in rows])
    trainer = PPOTrainer(
        args=config(settings, arguments.seed, arguments.output),
        processing_class=tokenizer,
        model=policy,
        ref_model=None,
        reward_model=reward,
        value_model=value,
        train_dataset=prompts,
        eval_dataset=prompts.select(range(settings["rollout_batch_size"])),
        optimizers=(optimizer(settings, policy, value), None),
        callbacks=[Keeper(policy, arguments.output, settings["keep_steps"])],
    )
    start = time.perf_counter()
    trainer.train()
    print(json.dumps({"side": "trl-1.12.0", "seed": arguments.seed, "seconds": time.perf_counter() - start}))  # noqa: T201


def load_policy(inputs: Path) -> Any:
    """Return the base with two copies of the sft adapter, one of them trainable."""
    base = AutoModelForCausalLM.from_pretrained(inputs / "base", dtype=torch.float32)
    model = PeftModel.from_pretrained(base, inputs / "sft", adapter_name=POLICY, is_trainable=True)
    model.load_adapter(inputs / "sft", adapter_name=REFERENCE)
    model.set_adapter(POLICY)
    return model


def load_classifier(inputs: Path) -> Any:
    """Return the merged reward model; its head has a bias, which the library's own classification head lacks."""
    model = AutoModelForSequenceClassification.from_pretrained(inputs / "classifier", num_labels=1, dtype=torch.float32)
    head = load_file(inputs / "head.safetensors")
    model.score = torch.nn.Linear(head["weight"].shape[1], 1)
    model.score.load_state_dict(head)
    return model


@torch.no_grad()
def probe(inputs: Path, output: Path, policy: Any, reward: Any) -> None:
    """Write logits and normalised score of some token ids before training, for the comparison with Attune's."""
    ids = load_file(inputs / "probe.safetensors")["input_ids"]
    policy.eval()
    logits = policy(input_ids=ids).logits
    states = reward.model(input_ids=ids).last_hidden_state
    output.mkdir(parents=True, exist_ok=True)
    save_file({"logits": logits.contiguous(), "scores": reward.score(states)[:, -1, 0].contiguous()}, output / "probe.safetensors")


def config(settings: dict[str, Any], seed: int, output: Path) -> Any:
    """Return TRL's settings. One gradient accumulation step: with more, TRL's optimizer steps do not follow its mini-batches."""
    return PPOConfig(
        output_dir=str(output / "trainer"),
        seed=seed,
        per_device_train_batch_size=settings["rollout_batch_size"],
        gradient_accumulation_steps=1,
        num_mini_batches=settings["rollout_batch_size"] // settings["mini_batch_size"],
        num_ppo_epochs=settings["num_ppo_epochs"],
        total_episodes=settings["total_episodes"],
        local_rollout_forward_batch_size=settings["rollout_batch_size"],
        response_length=settings["max_completion_length"],
        temperature=settings["temperature"],
        learning_rate=settings["learning_rate"],
        lr_scheduler_type="linear",
        warmup_steps=settings["warmup_steps"],
        kl_coef=settings["kl_coef"],
        missing_eos_penalty=settings["missing_eos_penalty"],
        stop_token="eos",
        model_adapter_name=POLICY,
        ref_adapter_name=REFERENCE,
        num_sample_generations=0,
        report_to=[],
        save_strategy="no",
        logging_steps=1000,
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
        bf16=False,
    )


def optimizer(settings: dict[str, Any], policy: Any, value: Any) -> torch.optim.AdamW:
    """Return AdamW over the policy adapter and all weights of the value model."""
    groups = [
        {"params": [parameter for parameter in policy.parameters() if parameter.requires_grad], "lr": settings["learning_rate"]},
        {"params": list(value.parameters()), "lr": settings["peer_value_learning_rate"]},
    ]
    return torch.optim.AdamW(groups, weight_decay=0.0)


if __name__ == "__main__":
    main()
