"""Scoring many sequences without gradients, and the proof that what was saved scores the same."""

import math
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
from components.shared.reward_model import ScalarHead, last_states, load_reward_members

ADAPTER = "reward"
RELOAD_TOLERANCE = 1e-5
"""Largest difference of a score after reloading, relative to its size above 1. bf16 bases repeat the same arithmetic, so it holds there."""


def pad(sequences: Sequence[Sequence[int]], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Stack sequences, zeros on the right (lengths decide what is read), as token ids (B, T) and lengths (B,)."""
    longest = max(len(sequence) for sequence in sequences)
    ids = torch.tensor([[*sequence, *[0] * (longest - len(sequence))] for sequence in sequences], device=device)
    return ids, torch.tensor([len(sequence) for sequence in sequences], device=device)


def score(model: PeftModel, head: ScalarHead, sequences: Sequence[Sequence[int]], batch_size: int, what: str = "score") -> list[float]:
    """Return the raw score of each sequence, as ``score_heads`` with one head."""
    return score_heads(model, [head], sequences, batch_size, what)[0]


def score_heads(
    model: PeftModel, heads: Sequence[ScalarHead], sequences: Sequence[Sequence[int]], batch_size: int, what: str = "score"
) -> list[list[float]]:
    """Return what each head says of each sequence under the active adapter, in eval mode; the model's mode is put back.

    Args:
        model: base with the reward adapter active.
        heads: they share the forward passes.
        sequences: token ids.
        batch_size: sequences in one forward pass; those of like length share one.
        what: shown in the progress.

    Returns:
        One list per head, in the order of the sequences.
    """
    training = model.training
    model.eval()
    device = next(heads[0].parameters()).device
    order = sorted(range(len(sequences)), key=lambda index: len(sequences[index]))
    scores = [[0.0] * len(sequences) for _ in heads]
    with torch.no_grad(), progress(what, len(sequences)) as bar:
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            ids, lengths = pad([sequences[index] for index in rows], device)
            states = last_states(model, ids, lengths)
            for own, head in zip(scores, heads, strict=True):
                for index, value in zip(rows, head(states).tolist(), strict=True):
                    own[index] = value
            bar.advance(len(rows))
    model.train(training)
    return scores


def score_pairs(model: PeftModel, head: ScalarHead, rows: Sequence[EncodedPair], batch_size: int, what: str = "score") -> ScoredPairs:
    """Score both replies of each pair; ``batch_size`` counts pairs."""
    return paired(score(model, head, sequences_of(rows), 2 * batch_size, what), rows)


def sequences_of(rows: Sequence[EncodedPair]) -> list[list[int]]:
    """Return the token ids of all replies with their prompts, chosen and rejected in turn."""
    return [ids for row in rows for ids in (row.chosen_ids, row.rejected_ids)]


def paired(scores: Sequence[float], rows: Sequence[EncodedPair]) -> ScoredPairs:
    """Put the scores of ``sequences_of(rows)`` beside the pairs' lengths."""
    return ScoredPairs(
        chosen=scores[0::2],
        rejected=scores[1::2],
        chosen_lengths=[row.chosen_length for row in rows],
        rejected_lengths=[row.rejected_length for row in rows],
    )


def check_reload(
    reference: BaseModelReference, directory: Path, sequences: Sequence[Sequence[int]], expected: Sequence[Sequence[Sequence[float]]]
) -> float:
    """Load the saved reward model on a fresh base and compare what its heads say with what the trained ones said.

    Adapter formats drop heads without a word, and a head or adapter that is not the trained one shows nowhere else before PPO has gone
    wrong.

    Args:
        reference: the base model.
        directory: of the reward model, with all its members.
        sequences: token ids.
        expected: for each member and each of its heads (score, then safety) the outputs for the sequences, all scored in one batch.

    Returns:
        The largest difference.

    Raises:
        ContractError: it is above ``RELOAD_TOLERANCE``.
    """
    model, members = load_reward_members(modeling.load_base(reference), ADAPTER, directory)
    difference = 0.0
    for member, outputs in zip(members, expected, strict=True):
        modeling.use_adapter(model, member.adapter)
        heads = [member.head] if member.safety_head is None else [member.head, member.safety_head]
        # The same batch size and order as the expected scores: another padding would be another rounding.
        scores = score_heads(model, heads, sequences, len(sequences), "check what was saved")
        for new_scores, old_scores in zip(scores, outputs, strict=True):
            differences = [abs(new - old) / max(1.0, abs(old)) for new, old in zip(new_scores, old_scores, strict=True)]
            difference = max(difference, *(math.inf if math.isnan(value) else value for value in differences))
    if not difference <= RELOAD_TOLERANCE:
        raise ContractError(
            f"{directory}: the saved reward model scores up to {difference:.2g} off the trained one; the artifact is not written, "
            "because PPO would optimise another reward. Check for a changed base model or library"
        )
    return difference
