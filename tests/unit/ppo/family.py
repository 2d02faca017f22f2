"""A tiny base model with an SFT adapter and a reward model that nobody had to train: random, but all different from each other."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from components.ppo.batches import Reply
from components.ppo.config import PpoConfig
from components.ppo.parallel import Parallel
from components.ppo.players import Players
from components.ppo.prompts import PtxSource, Query, QuerySource, conversation_contexts
from components.ppo.rewards import build_reward_source
from components.ppo.roles import Roles, ValueMode, load_roles
from components.ppo.rollout import DecodingLoop, Sampling
from components.ppo.trainer import PpoTrainer, Prompts
from components.shared.base_model import BaseModelReference
from components.shared.lora import LoraSettings
from components.shared.modeling import adapter_parameters, load_base, load_tokenizer, new_adapter, save_adapter
from components.shared.reward_model import Normalisation, ScalarHead, save_reward_model
from tests.tiny_model import build_tiny_model, conversation, reference_of

SMALL = {
    "total_episodes": 24,
    "rollout_batch_size": 8,
    "mini_batch_size": 4,
    "num_ppo_epochs": 2,
    "max_tokens_per_micro_batch": 4096,
    "max_prompt_length": 96,
    "max_completion_length": 12,
    "ptx_batch_size": 3,
    "max_ptx_length": 96,
    "learning_rate": 1e-2,
    "value_learning_rate": 1e-2,
    "eval_steps": 2,
    "num_eval_prompts": 4,
    "save_steps": 1,
    "target_kl": 0.0,
}


@dataclass(frozen=True)
class Family:
    """Where a base model and what was trained on it lie."""

    base: Path
    sft: Path
    reward: Path

    @property
    def reference(self) -> BaseModelReference:
        return reference_of(self.base)

    def tokenizer(self) -> Any:
        return load_tokenizer(self.reference)

    def roles(self, value_mode: ValueMode = "adapter", **changes: Any) -> Roles:
        return load_roles(self.reference, self.sft, self.reward, value_mode=value_mode, **changes)

    def trainer(self, settings: PpoConfig, directory: Path | None = None, parallel: Parallel = Parallel()) -> PpoTrainer:  # noqa: B008
        torch.manual_seed(settings.seed)
        tokenizer, roles = self.tokenizer(), self.roles(settings.value_mode, value_layers=settings.value_layers)
        players = Players(roles, DecodingLoop(roles), build_reward_source(settings, roles, roles.members, tokenizer), parallel)
        return PpoTrainer(players, settings, prompts_of(tokenizer, settings), sampling_of(tokenizer, settings), directory)


class Silent:
    """A report that nobody reads."""

    def metrics(self, values: dict[str, float], step: int) -> None:
        pass

    def samples(self, replies: Any, scores: Any, step: int) -> None:
        pass


def build_family(directory: Path, *, hidden: int = 32) -> Family:
    """Write base, sft adapter and reward model below a directory."""
    family = Family(build_tiny_model(directory / "base", hidden=hidden), directory / "sft", directory / "reward")
    torch.manual_seed(11)
    model = new_adapter(load_base(family.reference), "sft", LoraSettings(r=4, alpha=8, dropout=0.1))
    shake(model, "sft", 0.05)
    save_adapter(model, "sft", family.sft)
    shake(model, "sft", 0.05)
    save_reward_model(model, "sft", ScalarHead(hidden), Normalisation(mean=0.3, std=1.7), family.reward)
    return family


def shake(model: Any, name: str, scale: float) -> None:
    """Add noise to every weight of an adapter."""
    with torch.no_grad():
        for _, parameter in adapter_parameters(model, name):
            parameter.add_(scale * torch.randn(parameter.shape))


def settings_of(**changes: Any) -> PpoConfig:
    """Return settings small enough for a test."""
    return PpoConfig.parse({**SMALL, **changes})


def prompts_of(tokenizer: Any, settings: PpoConfig) -> Prompts:
    """Return prompts from a handful of made-up dialogues."""
    contexts = conversation_contexts([conversation(index) for index in range(6)], every_turn=True)
    return Prompts(
        queries=QuerySource(contexts, tokenizer, settings.max_prompt_length, settings.seed),
        human=PtxSource(contexts, tokenizer, settings.max_ptx_length, settings.seed) if settings.ptx_coef > 0 else None,
        validation=QuerySource(contexts, tokenizer, settings.max_prompt_length, 99).draw(settings.num_eval_prompts),
    )


def sampling_of(tokenizer: Any, settings: PpoConfig, **changes: Any) -> Sampling:
    """Return how the stage samples."""
    values = {
        "max_completion_length": settings.max_completion_length,
        "temperature": settings.temperature,
        "stop_ids": frozenset({tokenizer.eos_token_id}),
        "batch_size": settings.generation_batch_size,
    }
    return Sampling(**{**values, **changes})


def made_up_replies(vocabulary: int, count: int = 6, seed: int = 3) -> list[Reply]:
    """Return replies of many lengths with random tokens."""
    generator = torch.Generator().manual_seed(seed)

    def ids(length: int) -> list[int]:
        return torch.randint(5, vocabulary, (length,), generator=generator).tolist()

    return [Reply(f"q{index}", ids(3 + 4 * (index % 3)), ids(1 + (5 * index) % 7), index % 2 == 1) for index in range(count)]


def queries_of(tokenizer: Any, count: int) -> list[Query]:
    """Return queries of different lengths."""
    contexts = conversation_contexts([conversation(index, exchanges=1 + index % 3) for index in range(count)], every_turn=True)
    return QuerySource(contexts, tokenizer, 96, 5).draw(count)
