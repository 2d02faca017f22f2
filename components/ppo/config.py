"""Settings of the ppo stage. Defaults suit a 0.5-7B chat model on one GPU; each names where its value comes from.

Sources: [PPO] Schulman et al. 2017, arXiv:1707.06347. [GAE] Schulman et al. 2016, arXiv:1506.02438. [Z] Ziegler et al. 2019,
arXiv:1909.08593. [IGPT] Ouyang et al. 2022, arXiv:2203.02155. [N+] Huang et al. 2024, arXiv:2403.17031. [TRL] defaults of TRL 1.12's
PPOConfig. [DSC] DeepSpeed-Chat step 3. [DAPO] Yu et al. 2025, arXiv:2503.14476. [DUAL] Ye et al. 2020, arXiv:1912.09729.
[SAFE] Dai et al. 2024, arXiv:2310.12773. [UWO] Coste et al. 2024, arXiv:2310.02743. [MAF] Lin et al. 2024, arXiv:2309.06256.
[ours] this project's choice, with the reason.
"""

from typing import Annotated, Literal, Self

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
    """Replies decoded together; bounds the key-value cache and changes no result. [ours]."""
    engine: Literal["auto", "loop", "continuous_batching", "vllm"] = "auto"
    """What samples replies: our decoding loop, transformers' continuous batching, or vLLM (an extra; it holds a second copy of the base).
    ``auto``: continuous batching where flash attention is installed, else the loop. [ours]."""
    old_logprobs: Literal["auto", "rollout", "recompute"] = "auto"
    """Where the log-probabilities of the policy that sampled come from: kept while sampling, or one more forward pass. ``auto``: kept where
    the loop samples from an fp32 base, where both are equal to rounding; recomputed else. [ours] a forward pass less."""
    dtype: Literal["auto", "float32", "bfloat16", "nf4"] = "auto"
    """Of the frozen base; adapters are fp32. ``auto``: bfloat16 on an accelerator, float32 on a CPU. nf4 wants bitsandbytes and CUDA."""

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
    cliprange_high: float | None = Field(default=None, gt=0)
    """eps of the upper clip, ``1 + cliprange_high``; as ``cliprange`` when not set. [DAPO] 0.28 lets rare tokens gain probability."""
    dual_clip: float | None = Field(default=None, gt=1)
    """Where the advantage is negative, the surrogate is no lower than this times the advantage; off when not set. [DUAL] 3."""
    cliprange_value: float = Field(default=0.2, gt=0)
    """How far a value may move from the one at rollout time, in units of normalised reward. [TRL], [DSC]."""
    vf_coef: float = Field(default=0.1, ge=0)
    """Weight of the value loss. [N+], [TRL]; with a value adapter of its own it matters through the gradient clip only."""
    entropy_coef: float = Field(default=0.001, ge=0)
    """Weight of the entropy bonus, nats per token. [PPO] 0.01 for a handful of actions; [ours] ten times less for a vocabulary."""
    entropy_target: float | None = Field(default=None, gt=0)
    """Nats per token below which ``entropy_coef`` rises and above which it falls; not set: it stays. TRL's GRPO adapts alike."""
    entropy_coef_rate: float = Field(default=0.05, gt=0, lt=1)
    """Largest relative change of the adaptive ``entropy_coef`` in a step. [ours] doubles within fourteen steps."""
    entropy_coef_max: float = Field(default=0.1, gt=0)
    """The adaptive ``entropy_coef`` stays below this. [ours] above it the bonus outweighs whitened advantages."""
    ptx_coef: float = Field(default=0.1, ge=0)
    """Weight of the cross-entropy on human replies, a mean over tokens. [IGPT] and [DSC] mix it in; the weight is [ours] for this scale."""
    ptx_batch_size: int = Field(default=8, ge=1)
    """Conversation windows per optimizer step for that term. [ours] half as many as replies."""
    max_ptx_length: int = Field(default=512, ge=16)
    """Tokens of such a window. [ours] as ``max_prompt_length``."""
    target_kl: float = Field(default=0.1, ge=0)
    """The step's remaining updates are skipped when approxkl (nats per token) passes this; 0 turns it off. [ours] a safety net: healthy
    updates stay below 0.02."""
    value_mode: Literal["adapter", "shared_trunk"] = "adapter"
    """``adapter``: a value adapter of its own, from the reward model. ``shared_trunk``: a head on the policy's states, which it does not
    move: half the arithmetic of the update, a weaker critic. Santacroce et al. 2023, arXiv:2309.00754, find joined adapters worse."""
    value_layers: int | None = Field(default=None, ge=1)
    """Upper layers that the value adapter trains; below, its states are the reward model's and computed once per rollout. Not set: all.
    Half of the layers spare half of the critic's arithmetic. trlX's num_value_layers_unfrozen."""
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

    reward_function: str = ""
    """``package.module:function`` that scores replies instead of the reward model; the image must hold it. [ours]."""
    reward_classifier: str = ""
    """A sequence classifier with one output (Hub id or directory, its own tokenizer) that scores instead of the reward model. [ours]."""
    reward_classifier_revision: str = "main"
    """Branch, tag or commit of the classifier."""
    uncertainty_penalty: float = Field(default=0.0, ge=0)
    """Times the variance over the members of a reward ensemble, taken from their mean, in normalised scores. [UWO] eq. 4; 0.1-1."""
    reward_normalization: Literal["auto", "reward_model", "running", "none"] = "auto"
    """Mean and standard deviation that scores are normalised with: the reward model's, kept from its training, or running ones over the
    rollouts, or none. ``auto``: the reward model's where it scores, else running. [IGPT] normalises the mean."""
    safety_threshold: float | None = None
    """Mean rating of the reward model's safety head that replies must reach, in rating points; not set: no constraint. [SAFE]."""
    safety_multiplier: float = Field(default=1.0, gt=0)
    """Starting value of the constraint's Lagrange multiplier. [SAFE] 1."""
    safety_multiplier_rate: float = Field(default=0.1, gt=0)
    """Change of its logarithm per rating point of violation and step. [SAFE] 0.1."""
    safety_multiplier_max: float = Field(default=10.0, gt=0)
    """Largest multiplier. [SAFE] caps it; [ours] at 10 the reward is a tenth of what counts."""
    reward_clip_range: float = Field(default=5.0, gt=0)
    """Normalised scores are cut to plus or minus this. [DSC]."""
    missing_eos_penalty: float = Field(default=1.0, ge=0)
    """Taken from the normalised score of a truncated reply. [N+] gives such replies -1; a penalty keeps their order."""

    eval_steps: int = Field(default=25, ge=1)
    """Steps between evaluations on validation prompts; there is one before the first step and one after the last. [ours]."""
    num_eval_prompts: int = Field(default=128, ge=2)
    """Validation prompts, the same at each evaluation. [ours] a standard error of about 0.09 standard deviations of the score."""
    sample_steps: int = Field(default=10, ge=1)
    """Steps between sample replies in the tracking server. [ours]."""
    num_samples: int = Field(default=4, ge=0)
    """Replies in such a sample; prompts by id only. [ours]."""
    save_steps: int = Field(default=10, ge=1)
    """Steps between checkpoints; a killed stage repeats at most so many. [ours]."""
    select_best: bool = True
    """Keep the policy of the evaluation with the best validation score within ``kl_budget``, not the last. [ours]."""
    kl_budget: float | None = Field(default=None, gt=0)
    """Largest KL to the SFT policy, nats per reply on validation prompts, of a policy that may be kept; not set: any. [ours]."""
    interpolation: list[Annotated[float, Field(gt=0, le=1)]] = Field(default=[0.25, 0.5, 0.75, 1.0], min_length=1)
    """Values of a tried after training, ``sft + a (policy - sft)``: the smallest one whose validation score is not shown to be worse than
    the best is kept. ``[1.0]`` keeps the policy as it is. [MAF] averaging forgets least for what it gains."""

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
        if self.reward_function and self.reward_classifier:
            raise ValueError("reward_function and reward_classifier both replace the reward model; give one of them")
        if self.value_layers is not None and self.value_mode == "shared_trunk":
            raise ValueError("value_layers is of the value adapter, which value_mode shared_trunk has not; leave it unset")
        longest = self.max_prompt_length + self.max_completion_length
        if self.max_tokens_per_micro_batch < max(longest, self.max_ptx_length):
            raise ValueError(
                f"max_tokens_per_micro_batch {self.max_tokens_per_micro_batch} holds not even one sequence; give at least "
                f"{max(longest, self.max_ptx_length)} (max_prompt_length + max_completion_length, and max_ptx_length)"
            )
        return self
