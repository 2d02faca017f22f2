"""Units of privacy: what is sampled together, clipped together and protected as one.

A conversation that is longer than a window becomes several windows. As samples of their own they would be drawn and clipped one by one, and
a conversation of k windows could move a step by k times ``max_grad_norm``: the accountant's epsilon would then hold for a window, not for a
conversation. Two ways keep the bound per unit: draw one window of a sampled unit, or sum the gradients of all its windows before clipping.
Here all are summed. Both have the same sensitivity and so the same price, which is paid when a unit is sampled, however much of it is read;
the sum reads all of it, while the draw's gradient varies with the window, and in 2 epochs at most 2 windows of a long conversation would
ever be learned from. The cost is compute: a unit takes as many rows of forward passes as it has windows.

A unit's loss is the mean over its own assistant tokens, so that nothing of one unit depends on another.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from components.sft.examples import Examples
from components.shared.chat import Encoded


@dataclass(frozen=True)
class Unit:
    """All windows of a conversation, or of a person."""

    windows: list[Encoded]

    @property
    def num_loss_tokens(self) -> int:
        """Tokens that the loss counts: the assistant's, without a window's first, which nothing predicts."""
        return sum(sum(window.assistant_mask[1:]) for window in self.windows)


@dataclass(frozen=True)
class Row:
    """One window in a forward pass."""

    window: Encoded
    weight: float
    """What the window's summed loss is multiplied by: 1 / the unit's loss tokens."""
    last: bool
    """The unit ends with this row; the next row is another unit's."""


def group(examples: Examples, unit: Literal["conversation", "person"]) -> list[Unit]:
    """Return the units in the order of their first window. Conversations without a reply have no window and are no unit."""
    owners: Sequence[int | str] = examples.conversations if unit == "conversation" else examples.people
    windows: dict[int | str, list[Encoded]] = defaultdict(list)
    for owner, window in zip(owners, examples.windows, strict=True):
        windows[owner].append(window)
    return [Unit(members) for members in windows.values()]


def max_conversations_per_person(examples: Examples) -> int:
    """Return how many conversations the person with the most has.

    With ``unit: conversation`` that person's epsilon is up to so many times the unit's (group privacy).
    """
    return max(Counter(person for person, _ in set(zip(examples.people, examples.conversations, strict=True))).values())


def physical_batches(units: Sequence[Unit], max_rows: int) -> Iterator[list[Row]]:
    """Cut sampled units into forward passes of at most ``max_rows`` windows; a unit may begin in one and end in a later one.

    Units of like length come together, so that little is padding.
    """
    rows: list[Row] = []
    for unit in sorted(units, key=lambda unit: max(map(len, unit.windows)), reverse=True):
        for index, window in enumerate(unit.windows):
            rows.append(Row(window, 1 / unit.num_loss_tokens, last=index == len(unit.windows) - 1))
            if len(rows) == max_rows:
                yield rows
                rows = []
    if rows:
        yield rows
