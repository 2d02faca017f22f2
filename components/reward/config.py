"""Settings of the reward stage."""

from typing import Literal

from pydantic import Field

from components.shared.config import StageConfig


class RewardConfig(StageConfig):
    """Reward model from preference pairs. The adapter has the shape of the SFT adapter that it starts from."""

    learning_rate: float = Field(default=1e-4, gt=0, le=1)
    """Peak learning rate of the adapter. Ten times the 9e-6 of a full reward model (Ouyang et al. 2022, arXiv:2203.02155, C.2)."""
    head_learning_rate: float = Field(default=1e-3, gt=0, le=1)
    """Peak learning rate of the scalar head, which starts at random: a head that lags distorts the adapter (arXiv:2202.10054)."""
    weight_decay: float = Field(default=0.0, ge=0, lt=1)
    """Decoupled weight decay (AdamW)."""
    num_epochs: int = Field(default=2, ge=1, le=100)
    """Passes over the pairs. Reward models overfit from the second or third on (Ouyang et al. 2022 use one); ``load_best`` guards it."""
    batch_size: int = Field(default=8, ge=1)
    """Pairs in one forward pass; both replies of a pair are always in the same one."""
    gradient_accumulation_steps: int = Field(default=4, ge=1)
    """Forward passes in one optimizer step; batch_size times this is 32 pairs. The loss is a mean over all of them."""
    max_length: int = Field(default=1024, ge=16)
    """Longest prompt and reply together, tokens. Longer prompts lose their oldest exchanges; a pair whose reply alone is longer is left
    out and counted."""
    warmup_fraction: float = Field(default=0.05, ge=0, lt=1)
    """Share of the steps in which the learning rates rise linearly; then they follow a cosine to 0."""
    max_grad_norm: float = Field(default=1.0, ge=0)
    """Gradients of adapter and head together are scaled down to this L2 norm; 0 turns that off."""
    margin: Literal["ratings", "none"] = "ratings"
    """``ratings``: a pair's margin is ``margin_scale`` times the mean difference of its ratings (Llama 2, arXiv:2307.09288, 3.2.2, takes
    margins from how much better annotators found a reply); 0 for a pair without ratings."""
    margin_attributes: list[str] = Field(default=["empathy", "safety", "helpfulness"], min_length=1)
    """Ratings that count, from ``meta.ratings.chosen`` and ``meta.ratings.rejected``; they must share a scale."""
    margin_scale: float = Field(default=0.25, ge=0, le=10)
    """Nats of margin for one point of rating: 4 points (the whole way from 1 to 5) ask for 1, Llama 2's largest small margin."""
    centring_coef: float = Field(default=0.01, ge=0, le=1)
    """Weight of ``(r_chosen + r_rejected)^2``, which holds the otherwise free zero of scores (Eisenstein et al. 2023, arXiv:2312.09244)."""
    num_normalisation_pairs: int = Field(default=1000, ge=1)
    """Training pairs, at most, whose replies give the mean and standard deviation that PPO normalises scores with."""
    ensemble_size: int = Field(default=1, ge=1, le=16)
    """Reward models of the same kind, trained one after the other (Coste et al. 2024, arXiv:2310.02743, take 5). Member 0 is the model of
    an ensemble of one; member k has seed ``seed + k``, so another head and order, and its own bootstrap resample of the pairs. PPO can
    penalise their disagreement. LoRA members of one base share what the base gets wrong: agreement is no proof."""
    safety_head: bool = False
    """A second head on the same adapter predicts ``meta.ratings.{chosen,rejected}.safety``; PPO can hold it above a threshold
    (Dai et al. 2024, arXiv:2310.12773). Pairs without both ratings do not count for it."""
    safety_coef: float = Field(default=0.25, gt=0, le=10)
    """Weight of its mean squared error, rating points squared. [ours] ratings vary by 1-2 points squared around their mean, where the head
    starts: at a quarter that weighs about as much as the 0.69 nats of undecided preferences."""
    activation_checkpointing: bool = False
    """Recompute activations in the backward pass: slower, with less memory."""
    load_best: bool = True
    """Keep the weights of the epoch with the lowest validation loss (of the preferences alone) rather than the last."""
    logging_steps: int = Field(default=5, ge=1)
    """Optimizer steps between two logged points."""
    checkpoint_seconds: float = Field(default=300.0, ge=0)
    """Seconds between checkpoints within an epoch; each epoch's end makes one too. 0: after every step."""
    seed: int = Field(default=42, ge=0)
    """Of the head's initialisation, data order, dropout and resampling."""
