"""Preference pairs: a fitting supporter reply against one that falls short in a known way.

The chosen reply is the answer written for the seeker's last turn. The rejected one fails in one of the ways of ``KINDS``;
many rejected replies are themselves good answers to something else, or begin or end like good ones, so that neither
length nor a bag of words tells chosen from rejected.
"""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.builtin.samples.dialogues import (
    SOURCE,
    Scenario,
    VariantPicker,
    load_scenarios,
    load_shared,
    render,
)
from components.builtin.samples.people import Person, dialogue_slots
from components.builtin.samples.phrasebook import PHRASES, choose, fill, read_bank, sentences

NUM_PAIRS = 720
ATTRIBUTES = ("empathy", "safety", "helpfulness", "emotional_reactions", "interpretations", "explorations")


@dataclass(frozen=True)
class Kind:
    """A way to fall short.

    Attributes:
        weight: how often it is drawn, relative to the others.
        empathy: rating 1-5 of a typical reply of this kind.
        safety: rating 1-5.
        helpfulness: rating 1-5.
    """

    weight: int
    empathy: int
    safety: int
    helpfulness: int


#: What a rejected reply may be, outside crisis.
KINDS = {
    "mismatch": Kind(32, 2, 4, 1),  # a good reply to another situation
    "stale": Kind(15, 3, 4, 2),  # a good reply to another turn of the same situation
    "generic": Kind(12, 3, 4, 2),
    "advice": Kind(16, 2, 3, 2),
    "minimise": Kind(11, 1, 3, 1),
    "reassure": Kind(8, 2, 3, 2),
    "interrogate": Kind(7, 2, 3, 2),
    "self": Kind(4, 2, 3, 1),
    "diagnose": Kind(3, 1, 2, 1),
}
#: In crisis: an unsafe reply, or a warm reply to another situation, which overlooks the danger.
CRISIS_KINDS = {"unsafe": Kind(6, 1, 1, 1), "overlook": Kind(4, 2, 1, 1), "stale": Kind(3, 3, 3, 2)}

_WARM = ("sorry", "painful", "hurt", "lonely", "glad", "frighten", "terrif", "heavy", "tired", "tiring", "sad", "care", "hard", "thank")
_STRONG = ("so sorry", "really glad", "so glad", "how painful", "that hurts", "so painful", "so frightening", "i believe you", "so heavy")


class PairMaker:
    """Draws pairs; remembers what was used, so that no prompt and no reply pair comes twice."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.scenarios = load_scenarios()
        self.shared = load_shared()
        self.bank = read_bank(PHRASES / "rejected.txt")
        self.picker = VariantPicker(rng)
        self._prompts: set[str] = set()
        self._replies: set[frozenset[str]] = set()
        self._kinds: Counter[str] = Counter()
        self._topics: Counter[str] = Counter()

    def make(self, person: Person) -> dict[str, Any]:
        """One pair for a person; tries again until prompt and replies are new."""
        while True:
            scenario = self._scenario(person)
            values = dialogue_slots(self.rng, person) | {"about": scenario.situation.fields["about"]}
            turn = self.rng.choice((0, 0, *range(1, len(scenario.situation.beats))))
            messages, chosen, body = self._prompt(scenario, turn, values)
            self._topics[scenario.topic] += 1
            kind = self._kind(scenario)
            rejected = self._reply(self._rejected(kind, scenario, turn, chosen), values)
            reply_key = frozenset((chosen, rejected))
            if len(reply_key) == 2 and body not in self._prompts and reply_key not in self._replies:
                self._prompts.add(body)
                self._replies.add(reply_key)
                self._kinds[kind] += 1
                return self._row(person, scenario, kind, messages, (chosen, rejected))

    def _scenario(self, person: Person) -> Scenario:
        """A situation that suits the person, of the topic that has come least so far."""
        suitable = [scenario for scenario in self.scenarios if scenario.suits(person)]
        least = min(self._topics[scenario.topic] for scenario in suitable)
        return self.rng.choice([scenario for scenario in suitable if self._topics[scenario.topic] == least])

    def _prompt(self, scenario: Scenario, turn: int, values: Mapping[str, str]) -> tuple[list[dict[str, str]], str, str]:
        """Messages up to a user turn, the reply written for it, and the prompt without greeting and values.

        A later turn is preceded by the opening.
        """
        pairs = [self.picker.exchange(scenario.situation.beats[index]) for index in sorted({0, turn})]
        body = "\n".join([line for pair in pairs for line in pair][:-1])
        if self.rng.random() < 0.7:
            greetings = self.shared["greeting"].beats[0].user
            pairs[0] = (f"{choose(self.rng, greetings[self.picker.pick(greetings)])} {pairs[0][0]}", pairs[0][1])
        messages, _ = render(pairs, values)
        return messages[:-1], messages[-1]["content"], body

    def _kind(self, scenario: Scenario) -> str:
        """The kind that is furthest behind its weight."""
        kinds = CRISIS_KINDS if scenario.crisis else KINDS
        names = list(kinds)
        self.rng.shuffle(names)
        return min(names, key=lambda name: (self._kinds[name] + 0.5) / kinds[name].weight)

    def _reply(self, phrase: str, values: Mapping[str, str]) -> str:
        text, _ = fill(phrase.replace(", {name}", ""), values, {})
        return text.strip()

    def _rejected(self, kind: str, scenario: Scenario, turn: int, chosen: str) -> str:
        """A reply of the given kind, slots open."""
        rng = self.rng
        if kind in ("mismatch", "overlook"):
            others = [s for s in self.scenarios if s.topic != scenario.topic and not s.crisis]
            return self._line(rng.choice(rng.choice(others).situation.beats).supporter)
        if kind == "stale":
            beats = scenario.situation.beats
            return self._line(beats[rng.choice([index for index in range(len(beats)) if index != turn])].supporter)
        keys = [key for key in (f"{kind}.{scenario.topic}", kind) if key in self.bank]
        reply = self._line(self.bank[rng.choice(keys)].beats[0].supporter)
        return self._blend(kind, reply, chosen)

    def _blend(self, kind: str, reply: str, chosen: str) -> str:
        """Lets some weak replies begin or end as the chosen one does: graded faults, and overlap in wording."""
        good = sentences(chosen)
        opening, question = good[0], good[-1]
        draw = self.rng.random()
        if kind in ("advice", "reassure", "interrogate", "self", "diagnose", "unsafe") and draw < 0.4:
            return f"{opening} {reply}"
        if kind in ("generic", "minimise") and draw < 0.45 and "?" not in reply:
            return f"{reply} {question}"
        return reply

    def _line(self, phrases: list[str]) -> str:
        return choose(self.rng, phrases[self.picker.pick(phrases)])

    def _row(
        self, person: Person, scenario: Scenario, kind: str, messages: list[dict[str, str]], replies: tuple[str, str]
    ) -> dict[str, Any]:
        ratings = rate(self.rng, (CRISIS_KINDS if scenario.crisis else KINDS)[kind], kind, replies)
        return {
            "person_id": person.id,
            "prompt": messages,
            "chosen": [{"role": "assistant", "content": replies[0]}],
            "rejected": [{"role": "assistant", "content": replies[1]}],
            "source": SOURCE,
            "meta": {"topic": scenario.topic, "crisis": scenario.crisis, "fault": kind, "ratings": ratings},
        }


def rate(rng: random.Random, kind: Kind, name: str, replies: tuple[str, str]) -> dict[str, dict[str, int]]:
    """Ratings by construction: the chosen reply is rated on its form, the rejected one by its kind, both with noise.

    Returns:
        ``{"chosen": {...}, "rejected": {...}}`` over ``ATTRIBUTES``; the chosen sum is always the larger.
    """
    chosen, rejected = replies
    good = {
        "empathy": rng.choice((4, 5, 5)),
        "safety": rng.choice((4, 5, 5)),
        "helpfulness": rng.choice((3, 4, 4, 5)),
        "emotional_reactions": warmth(chosen),
        "interpretations": 2,
        "explorations": 2 if "?" in chosen else 0,
    }
    reflects = {"stale": 1, "generic": 1, "advice": 1, "overlook": 1}.get(name, 0)
    # Caps keep the order: a rejected reply is never rated above the chosen one, but for a louder 'I am so sorry'.
    bad = {
        "empathy": max(1, min(good["empathy"] - 1, kind.empathy + rng.choice((-1, 0, 0, 1)))),
        "safety": max(1, min(good["safety"], kind.safety + rng.choice((-1, 0, 0, 1)))),
        "helpfulness": max(1, min(good["helpfulness"] - 1, kind.helpfulness + rng.choice((0, 0, 1)))),
        "emotional_reactions": min(warmth(rejected), 2 if name == "generic" else 1),
        "interpretations": reflects,
        "explorations": min(good["explorations"], 1 if "?" in rejected and name not in ("minimise", "unsafe") else 0),
    }
    assert sum(good.values()) > sum(bad.values()), (name, good, bad)
    return {"chosen": good, "rejected": bad}


def warmth(reply: str) -> int:
    """Level 0-2 of expressed warmth, by the wording of this phrase bank."""
    text = reply.lower()
    if any(word in text for word in _STRONG):
        return 2
    return 1 if any(word in text for word in _WARM) else 0


def make_preferences(people: list[Person]) -> list[dict[str, Any]]:
    """The rows of ``preferences.jsonl.gz``."""
    maker = PairMaker(random.Random("attune-samples/preferences"))
    return [{"id": f"q{index + 1:04d}"} | maker.make(people[index % len(people)]) for index in range(NUM_PAIRS)]
