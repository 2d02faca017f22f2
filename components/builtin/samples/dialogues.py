"""Multi-turn support dialogues with gold entity spans, put together from the phrase bank.

A dialogue is one person in one situation: an opening, some of the situation's further exchanges in their order, often
an exchange that mentions contact data, and mostly a closing.
"""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.builtin.samples.people import SLOT_TYPES, Person, dialogue_slots
from components.builtin.samples.phrasebook import PHRASES, Beat, Situation, choose, fill, read_bank, slots_in

SOURCE = "attune-samples"
TOPICS = ("grief", "panic", "exams", "loneliness", "couple", "work", "sleep", "anger", "crisis")
NUM_DIALOGUES = 440
# A tiny model sees a few hundred tokens of context: 230 words are about 330 tokens of a 4k vocabulary.
MAX_WORDS = 230
# Crisis situations are drawn a little less often than the others: they end up near one dialogue in eight.
_CRISIS_WEIGHT = 0.8


@dataclass(frozen=True)
class Scenario:
    """A situation with the topic it belongs to."""

    topic: str
    situation: Situation

    @property
    def crisis(self) -> bool:
        """Whether a person in this situation may be in danger."""
        return self.situation.fields.get("crisis") == "yes"

    def suits(self, person: Person) -> bool:
        """Whether the person has every tag that the situation asks for."""
        return person.fits.issuperset(self.situation.fields.get("who", "any").split())


def load_scenarios() -> list[Scenario]:
    """All situations of all topics, each exchange checked to be paired."""
    scenarios = []
    for topic in TOPICS:
        for situation in read_bank(PHRASES / "dialogues" / f"{topic}.txt").values():
            for beat in situation.beats:
                assert len(beat.user) == len(beat.supporter), (topic, situation.key, beat.user[:1])
            scenarios.append(Scenario(topic, situation))
    return scenarios


def load_shared() -> dict[str, Situation]:
    """The exchanges that fit every situation: greeting, contact, closing, crisis_closing."""
    return read_bank(PHRASES / "dialogues" / "shared.txt")


class VariantPicker:
    """Picks phrase variants evenly, so that dialogues of one situation differ as much as the bank allows."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._uses: Counter[str] = Counter()

    def pick(self, phrases: list[str]) -> int:
        """Index of one of the least used phrases."""
        least = min(self._uses[phrase] for phrase in phrases)
        index = self.rng.choice([i for i, phrase in enumerate(phrases) if self._uses[phrase] == least])
        self._uses[phrases[index]] += 1
        return index

    def exchange(self, beat: Beat) -> tuple[str, str]:
        """A turn and the answer written for it, choices resolved, slots still open."""
        index = self.pick(beat.user)
        return choose(self.rng, beat.user[index]), choose(self.rng, beat.supporter[index])


def assign(rng: random.Random, people: list[Person], scenarios: list[Scenario]) -> list[tuple[Person, Scenario]]:
    """Gives every person five or six situations that suit them, with no topic group (one father, one partner) twice."""
    uses: Counter[str] = Counter()
    pairs: list[tuple[Person, Scenario]] = []
    for index in range(NUM_DIALOGUES):
        person = people[index % len(people)]
        mine = [scenario for owner, scenario in pairs if owner is person]
        taken = {s.situation.key for s in mine} | {s.situation.fields["group"] for s in mine if "group" in s.situation.fields}
        open_ = [s for s in scenarios if s.suits(person) and not {s.situation.key, s.situation.fields.get("group", "")} & taken]
        rng.shuffle(open_)
        scenario = min(open_, key=lambda s: uses[s.situation.key] / (_CRISIS_WEIGHT if s.crisis else 1))
        uses[scenario.situation.key] += 1
        pairs.append((person, scenario))
    return pairs


def exchanges(picker: VariantPicker, scenario: Scenario, shared: dict[str, Situation]) -> list[tuple[str, str]]:
    """The exchanges of one dialogue, slots still open: two to six turns of each side."""
    rng, beats = picker.rng, scenario.situation.beats
    further = beats[1:]
    keep = rng.choice(range(1, len(further) + 1))
    # In a crisis no step is left out: the question about safety, its answer, the person to call.
    further = further[:keep] if scenario.crisis else [further[i] for i in sorted(rng.sample(range(len(further)), keep))]
    pairs = [picker.exchange(beat) for beat in [beats[0], *further]]
    if rng.random() < 0.9:
        greeting = shared["greeting"].beats[0].user
        opening, answer = pairs[0]
        pairs[0] = (f"{choose(rng, greeting[picker.pick(greeting)])} {opening}", answer)
    if not scenario.crisis and len(pairs) < 5 and rng.random() < 0.65:
        # A friend who is the subject of the talk is not also the one who helps.
        contacts = [beat for beat in shared["contact"].beats if not _people_in([beat]) & _people_in(beats)]
        pairs.append(picker.exchange(contacts[picker.pick([beat.user[0] for beat in contacts])]))
    if rng.random() < 0.7:
        pairs.append(picker.exchange(shared["crisis_closing" if scenario.crisis else "closing"].beats[0]))
    return pairs


def _people_in(beats: list[Beat]) -> set[str]:
    """Slots of the people around the seeker that some exchanges mention."""
    slots = set[str]().union(*(slots_in(phrase) for beat in beats for phrase in (*beat.user, *beat.supporter)))
    return {slot for slot in slots if SLOT_TYPES.get(slot) == "PERSON"} - {"name", "fullname"}


def render(pairs: list[tuple[str, str]], values: Mapping[str, str]) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    """Turns exchanges into chat messages and gold entities.

    The supporter uses the person's name only if the person has said it.
    """
    messages: list[dict[str, str]] = []
    entities: list[dict[str, Any]] = []
    introduced = False
    for user, supporter in pairs:
        introduced = introduced or bool({"name", "fullname"} & slots_in(user))
        if not introduced:
            supporter = supporter.replace(", {name}", "")
        for role, phrase in (("user", user), ("assistant", supporter)):
            text, spans = fill(phrase.strip(), values, SLOT_TYPES)
            entities += [{"message": len(messages), "start": span.start, "end": span.end, "type": span.type} for span in spans]
            messages.append({"role": role, "content": text})
    return messages, entities


def make_conversations(people: list[Person]) -> list[dict[str, Any]]:
    """The rows of ``conversations.jsonl.gz``."""
    rng = random.Random("attune-samples/dialogues")
    picker, shared = VariantPicker(rng), load_shared()
    rows = []
    for index, (person, scenario) in enumerate(assign(rng, people, load_scenarios())):
        values = dialogue_slots(rng, person) | {"about": scenario.situation.fields["about"]}
        messages, entities = render(exchanges(picker, scenario, shared), values)
        while sum(len(message["content"].split()) for message in messages) > MAX_WORDS:
            del messages[-2:]
            entities = [entity for entity in entities if entity["message"] < len(messages)]
        rows.append(
            {
                "id": f"c{index + 1:04d}",
                "person_id": person.id,
                "messages": messages,
                "source": SOURCE,
                "meta": {
                    "topic": scenario.topic,
                    "crisis": scenario.crisis,
                    "language": "en",
                    "entities": entities,
                },
            }
        )
    return rows
