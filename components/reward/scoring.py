"""Scoring many sequences without gradients, and the proof that what was saved scores the same."""

from collections.abc import Sequence
from pathlib import Path

import torch
from peft import PeftModel

from components.reward.agreement import ScoredPairs
from components.reward.pairs import EncodedPair
from components.shared import modeling
from components.shared.base_model import BaseModelReference
from components.shared.errors import ContractError
from components.shared.progress import progress
from components.shared.reward_model import ScalarHead, load_reward_model, sequence_scores

ADAPTER = "reward"
RELOAD_TOLERANCE = 1e-5
"""Largest difference of a score after reloading, relative to its size above 1. bf16 bases repeat the same arithmetic, so it holds there."""


def pad(sequences: Sequence[Sequence[int]], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Stack sequences, zeros on the right (lengths decide what is read), as token ids (B, T) and lengths (B,)."""
    longest = max(len(sequence) for sequence in sequences)
    ids = torch.tensor([[*sequence, *[0] * (longest - len(sequence))] for sequence in sequences], device=device)
    return ids, torch.tensor([len(sequence) for sequence in sequences], device=device)


def score(model: PeftModel, head: ScalarHead, sequences: Sequence[Sequence[int]], batch_size: int, what: str = "score") -> list[float]:
    """Return the raw score of each sequence under the active adapter, in eval mode; the model's mode is put back.

    Args:
        model: base with the reward adapter active.
        head: the scalar head.
        sequences: token ids.
        batch_size: sequences in one forward pass; those of like length share one.
        what: shown in the progress.
    """
    training = model.training
    model.eval()
    device = next(head.parameters()).device
    order = sorted(range(len(sequences)), key=lambda index: len(sequences[index]))
    scores = [0.0] * len(sequences)
    with torch.no_grad(), progress(what, len(sequences)) as bar:
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            ids, lengths = pad([sequences[index] for index in rows], device)
            for index, value in zip(rows, sequence_scores(model, head, ids, lengths).tolist(), strict=True):
                scores[index] = value
            bar.advance(len(rows))
    model.train(training)
    return scores


def score_pairs(model: PeftModel, head: ScalarHead, rows: Sequence[EncodedPair], batch_size: int, what: str = "score") -> ScoredPairs:
    """Score both replies of each pair; ``batch_size`` counts pairs."""
    scores = score(model, head, [ids for row in rows for ids in (row.chosen_ids, row.rejected_ids)], 2 * batch_size, what)
    return ScoredPairs(
        chosen=scores[0::2],
        rejected=scores[1::2],
        chosen_lengths=[row.chosen_length for row in rows],
        rejected_lengths=[row.rejected_length for row in rows],
    )


def check_reload(reference: BaseModelReference, directory: Path, sequences: Sequence[Sequence[int]], expected: Sequence[float]) -> float:
    """Load the saved reward model on a fresh base and compare its scores with those of the trained one.

    Adapter formats drop heads without a word, and a head or adapter that is not the trained one shows nowhere else before PPO has gone
    wrong.

    Returns:
        The largest difference.

    Raises:
        ContractError: it is above ``RELOAD_TOLERANCE``.
    """
    model, head, _ = load_reward_model(modeling.load_base(reference), ADAPTER, directory)
    modeling.use_adapter(model, ADAPTER)
    # The same batch size and order as the expected scores: another padding would be another rounding.
    scores = score(model, head, sequences, len(sequences), "check what was saved")
    difference = max(abs(new - old) / max(1.0, abs(old)) for new, old in zip(scores, expected, strict=True))
    if not difference <= RELOAD_TOLERANCE:
        raise ContractError(
            f"{directory}: the saved reward model scores up to {difference:.2g} off the trained one; the artifact is not written, "
            "because PPO would optimise another reward. Check for a changed base model or library"
        )
    return difference
