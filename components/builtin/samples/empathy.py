"""Rated replies for the empathy scorer of the evaluation.

The scorer has to be independent of the reward model, so nothing here is shared with dialogues or preferences: other
persons, other situations, another phrase bank. Levels follow EPITOME (Sharma et al. 2020): emotional reactions,
interpretations and explorations, each 0 none, 1 weak or generic, 2 strong or specific.
"""

import random
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from components.builtin.samples.dialogues import SOURCE
from components.builtin.samples.phrasebook import PHRASES, choose

NUM_ROWS = 810
MECHANISMS = ("emotional_reactions", "interpretations", "explorations")
# How often a reply without interpretation misreads the seeker, with words that would suit another.
_MISREADING = 0.25
_BANKS = ("ER1", "ER2", "IP1", "EX1", "none")


@dataclass
class Block:
    """Lines of one key of the bank, by their mark: U seeker, I interpretation, X exploration, E emotion, N none.

    ``I1`` and ``X2`` hold lines that fit only the first or the second post of a seeker.
    """

    lines: dict[str, list[str]] = field(default_factory=dict)

    def fitting(self, mark: str, post: int) -> list[str]:
        """Lines with a mark that fit a post (0 or 1)."""
        return self.lines.get(mark, []) + self.lines.get(f"{mark}{post + 1}", [])


def read_blocks() -> dict[str, Block]:
    """Key to block, in the order of the file."""
    blocks: dict[str, Block] = {}
    current = Block()
    for line in (PHRASES / "empathy.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            current = blocks.setdefault(line[3:], Block())
        elif line.strip() and not line.startswith("#"):
            mark, text = line.split("> ", 1)
            current.lines.setdefault(mark, []).append(text)
    return blocks


class Composer:
    """Writes replies of wanted levels from the phrase bank."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        blocks = read_blocks()
        self.banks = {key: blocks[key] for key in _BANKS}
        self.seekers = [block for key, block in blocks.items() if key not in _BANKS]

    def reply(self, seeker: Block, post: int, levels: tuple[int, int, int]) -> str:
        """A reply to a seeker's post whose three mechanisms have the given levels.

        A level of 0 leaves its sentence out, or now and then puts a false friend in its place: an understanding of
        somebody else, a question mark without interest, 'sorry' without warmth.
        """
        emotion, interpretation, exploration = levels
        parts = []
        if emotion:
            parts.append(self._line(self.banks[f"ER{emotion}"].lines["E"]))
        if interpretation:
            parts.append(self._line(seeker.fitting("I", post) if interpretation == 2 else self.banks["IP1"].lines["I"]))
        elif self.rng.random() < _MISREADING:
            other = self.rng.choice([block for block in self.seekers if block is not seeker])
            parts.append(self._line(other.fitting("I", self.rng.randrange(2))))
        num_empty = self.rng.choice({0: (1, 2), 1: (0, 1, 1), 2: (0, 0, 1)}.get(sum(levels), (0, 0, 0, 0, 1)))
        parts += [choose(self.rng, line) for line in self.rng.sample(self.banks["none"].lines["N"], num_empty)]
        self.rng.shuffle(parts)
        if exploration:
            question = self._line(seeker.fitting("X", post) if exploration == 2 else self.banks["EX1"].lines["X"])
            parts.insert(0 if self.rng.random() < 0.15 else len(parts), question)
        return " ".join(parts)

    def _line(self, lines: list[str]) -> str:
        return choose(self.rng, self.rng.choice(lines))


def make_empathy_ratings() -> list[dict[str, Any]]:
    """The rows of ``empathy_ratings.jsonl.gz``; all 27 combinations of levels come equally often.

    A person stands for one situation, so a split by person holds out situations too.
    """
    rng = random.Random("attune-samples/empathy")
    composer = Composer(rng)
    posts = [[choose(rng, line) for line in seeker.lines["U"]] for seeker in composer.seekers]
    combinations = list(product(range(3), range(3), range(3)))
    rows: list[dict[str, Any]] = []
    seen: set[tuple[str, str]] = set()
    while len(rows) < NUM_ROWS:
        if len(rows) % len(combinations) == 0:
            rng.shuffle(combinations)
        person = len(rows) % len(composer.seekers)
        post = rng.randrange(len(posts[person]))
        levels = combinations[len(rows) % len(combinations)]
        response = composer.reply(composer.seekers[person], post, levels)
        if (posts[person][post], response) in seen:
            continue
        seen.add((posts[person][post], response))
        rows.append(
            {"id": f"r{len(rows) + 1:04d}", "person_id": f"e{person + 1:03d}", "seeker": posts[person][post], "response": response}
            | dict(zip(MECHANISMS, levels, strict=True))
            | {"source": SOURCE}
        )
    return rows
