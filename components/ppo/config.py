"""Settings of the ppo stage. Defaults suit a 0.5-7B chat model on one GPU; each names where its value comes from.

Sources: [PPO] Schulman et al. 2017, arXiv:1707.06347. [GAE] Schulman et al. 2016, arXiv:1506.02438. [Z] Ziegler et al. 2019,
arXiv:1909.08593. [IGPT] Ouyang et al. 2022, arXiv:2203.02155. [N+] Huang et al. 2024, arXiv:2403.17031. [TRL] defaults of TRL 1.12's
PPOConfig. [DSC] DeepSpeed-Chat step 3. [ours] this project's choice, with the reason.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from components.shared.config import StageConfig


class PpoConfig(StageConfig):
    """How the policy is trained against the reward model."""

    seed: int = Field(default=0, ge=0)
    """Decides prompts, sampling and shuffling; equal seeds give equal adapters on equal machines."""

    total_episodes: int = Field(default=12_800, ge=1)
    """Replies sampled in all; a multiple of ``rollout_batch_size``. [ours] 200 steps, where reward curves of LoRA policies flatten."""
    rollout_batch_size: int = Field(default=64, ge=1)
    """Replies per step. [IGPT] 512 on 32 times our data; [TRL] 64 per optimisation phase."""
    mini_batch_size: int = Field(default=16, ge=1)
    """Replies per optimizer step; divides ``rollout_batch_size``. [N+] four mini-batches an epoch."""
    num_ppo_epochs: int = Field(default=4, ge=1)
    """Passes over each rollout batch. [N+], [TRL]."""
    max_tokens_per_micro_batch: int = Field(default=8192, ge=16)
    """Padded tokens in one forward pass; bounds activation memory and changes no result. [ours] about 10 GB for a 7B in bf16."""
    generation_batch_size: int = Field(default=64, ge=1)
    """Replies decoded together; bounds the key-value cache. [ours]."""

    max_prompt_length: int = Field(default=512, ge=8)
    """Tokens of context before a reply; the oldest turns go first. [TRL] max_prompt_length of its RL trainers."""
    max_completion_length: int = Field(default=128, ge=1)
    """Tokens of a reply; a longer one is truncated and flagged. [ours] a supportive reply of 60-90 words."""
    temperature: float = Field(default=1.0, gt=0)
    """Of the policy's distribution, in sampling and in every log-probability. [N+] 0.7, [IGPT] 1; 1 is the model as it will be served."""
    context_turns: Literal["all", "last"] = "all"
    """Which assistant turns of a conversation give a prompt: each one, or only the last. [ours] openings and middles need practice too."""

    learning_rate: float = Field(default=3e-5, gt=0)
    """Of the policy adapter. [TRL] 3e-6 for full weights, ten times that for LoRA (Schulman et al. 2025, LoRA Without Regret)."""
    value_learning_rate: float = Field(default=9e-5, gt=0)
    """Of the value adapter and head. OpenRLHF's critic 9e-6 for full weights, ten times that for LoRA."""
    lr_scheduler_type: Literal["linear", "cosine", "constant"] = "linear"
    """Decay of both learning rates to zero over the run, by PPO step. [N+], [TRL]."""
    warmup_fraction: float = Field(default=0.05, ge=0, lt=1)
    """Fraction of the steps over which the learning rates rise. [ours] Adam's second moments need a few steps."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay. [TRL] 0: the KL term already holds the policy near its start."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Largest gradient norm, of the policy's and of the value's parameters apart, so that neither drowns the other. OpenRLHF's max_norm."""

    cliprange: float = Field(default=0.2, gt=0, lt=1)
    """eps of the clipped ratio. [PPO] section 6.1."""
    cliprange_value: float = Field(default=0.2, gt=0)
    """How far a value may move from the one at rollout time, in units of normalised reward. [TRL], [DSC]."""
    vf_coef: float = Field(default=0.1, ge=0)
    """Weight of the value loss. [N+], [TRL]; with a value adapter of its own it matters through the gradient clip only."""
    entropy_coef: float = Field(default=0.001, ge=0)
    """Weight of the entropy bonus, nats per token. [PPO] 0.01 for a handful of actions; [ours] ten times less for a vocabulary."""
    ptx_coef: float = Field(default=0.1, ge=0)
    """Weight of the cross-entropy on human replies, a mean over tokens. [IGPT] and [DSC] mix it in; the weight is [ours] for this scale."""
    ptx_batch_size: int = Field(default=8, ge=1)
    """Conversation windows per optimizer step for that term. [ours] half as many as replies."""
    max_ptx_length: int = Field(default=512, ge=16)
    """Tokens of such a window. [ours] as ``max_prompt_length``."""
    target_kl: float = Field(default=0.1, ge=0)
    """The step's remaining updates are skipped when approxkl (nats per token) passes this; 0 turns it off. [ours] a safety net: healthy
    updates stay below 0.02."""
    critic_warmup_steps: int = Field(default=0, ge=0)
    """First steps that train the value only. OpenRLHF's freezing_steps; 0 because the value starts from the reward model."""

    gamma: float = Field(default=1.0, ge=0, le=1)
    """Discount per token. [Z], [TRL]: a reply is short and its reward comes at the end."""
    lam: float = Field(default=0.95, ge=0, le=1)
    """lambda of generalised advantage estimation. [GAE] 0.92-0.99; [TRL]."""
    whiten_advantages: bool = True
    """Shift and scale advantages to mean 0, variance 1 over the whole rollout batch. [N+]."""

    kl_estimator: Literal["k1", "k2", "k3"] = "k1"
    """Estimate of the per-token KL to the SFT policy inside the reward (Schulman 2020, Approximating KL Divergence). [Z] k1: unbiased."""
    kl_controller: Literal["fixed", "adaptive"] = "fixed"
    """Whether ``kl_coef`` stays, or moves the KL of a reply towards ``kl_target`` ([Z] section 2.2)."""
    kl_coef: float = Field(default=0.05, ge=0)
    """Weight of the KL penalty in the reward, per nat; the starting value of the adaptive controller. [N+], [TRL]."""
    kl_target: float = Field(default=6.0, gt=0)
    """Nats per reply that the adaptive controller aims at. [Z]."""
    kl_horizon: int = Field(default=10_000, ge=1)
    """Episodes over which the adaptive controller corrects. [Z]."""

    reward_normalization: bool = True
    """Subtract the reward model's mean and divide by its standard deviation, both kept from its training. [IGPT] normalises the mean."""
    reward_clip_range: float = Field(default=5.0, gt=0)
    """Normalised scores are cut to plus or minus this. [DSC]."""
    missing_eos_penalty: float = Field(default=1.0, ge=0)
    """Taken from the normalised score of a truncated reply. [N+] gives such replies -1; a penalty keeps their order."""

    eval_steps: int = Field(default=25, ge=1)
    """Steps between evaluations on validation prompts; there is one before the first step and one after the last. [ours]."""
    num_eval_prompts: int = Field(default=128, ge=2)
    """Validation prompts, the same at each evaluation. [ours] a standard error of about 0.09 standard deviations of the score."""
    save_steps: int = Field(default=10, ge=1)
    """Steps between checkpoints; a killed stage repeats at most so many. [ours]."""

    @property
    def num_steps(self) -> int:
        """PPO steps (rollout and update) in all."""
        return self.total_episodes // self.rollout_batch_size

    @property
    def num_mini_batches(self) -> int:
        """Optimizer steps in one epoch over a rollout batch."""
        return self.rollout_batch_size // self.mini_batch_size

    @model_validator(mode="after")
    def _divide_exactly(self) -> Self:
        for whole, part in (("total_episodes", "rollout_batch_size"), ("rollout_batch_size", "mini_batch_size")):
            number, divisor = getattr(self, whole), getattr(self, part)
            if number % divisor:
                below = number - number % divisor
                fitting = f"{below} or {below + divisor}" if below else str(divisor)
                raise ValueError(f"{whole} {number} is no multiple of {part} {divisor}, so samples would be lost; give {fitting}")
        longest = self.max_prompt_length + self.max_completion_length
        if self.max_tokens_per_micro_batch < max(longest, self.max_ptx_length):
            raise ValueError(
                f"max_tokens_per_micro_batch {self.max_tokens_per_micro_batch} holds not even one sequence; give at least "
                f"{max(longest, self.max_ptx_length)} (max_prompt_length + max_completion_length, and max_ptx_length)"
            )
        return self
