r"""Writes plain English from the grammars in `grammar/`: everyday prose, letters, diaries and simple questions.

A grammar file holds rules; a rule is a line `= name` followed by its alternatives, one a line, `#` for comments.
In an alternative, braces are replaced:

    {rule}              a random alternative of the rule
    {x=rule}            the same, and `x` stands for it from here to the end of the text: {x}
    {_x=rule}           binds x and writes nothing
    {x.slot}            the rule `<value of x>.slot`: this is how a text keeps to one topic
    {a/b/c}             one of the words, which may be a person form: {O/them}
    {you|rule}          the rule in another person (I, you, he, she); `other` is the second person of a story
    {S} {O} {P} {R}     subject, object, possessive, reflexive of the person in force
    {s} {es} {y} {am} {was} {have} {do} {N}   verb endings and forms for the same person; N is the name, or "I", "you"

A slash inside a rule's text outside braces is left alone; `\n` is a line break. Sentences get their capital at the end.
"""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

GRAMMAR: Final = Path(__file__).parent / "grammar"
MAX_DEPTH: Final = 20

Rules = Mapping[str, list[str]]

_FORMS: Final = ("S", "O", "P", "R", "s", "es", "y", "am", "was", "have", "do")
PERSONS: Final = {
    "I": dict(zip(_FORMS, ("I", "me", "my", "myself", "", "", "y", "am", "was", "have", "do"), strict=True)),
    "you": dict(zip(_FORMS, ("you", "you", "your", "yourself", "", "", "y", "are", "were", "have", "do"), strict=True)),
    "he": dict(zip(_FORMS, ("he", "him", "his", "himself", "s", "es", "ies", "is", "was", "has", "does"), strict=True)),
    "she": dict(zip(_FORMS, ("she", "her", "her", "herself", "s", "es", "ies", "is", "was", "has", "does"), strict=True)),
}
CONTRACTIONS: Final = {
    "(I) am": r"\1'm",
    "(you|they|we) are": r"\1're",
    "(it|that|there|what|who|she|he|nobody) is": r"\1's",
    "(do|does|did|is|are|was|were|have|has|would|could|should) not": r"\1n't",
    "(ca)nnot": r"\1n't",
    "(I|you|we|they) have(?= (?:been|had|never|felt|lost|moved))": r"\1've",
    "(I|you|he|she|we|they|it) will": r"\1'll",
    "(I|you|he|she|we|they) would": r"\1'd",
}


def load_rules(folder: Path = GRAMMAR) -> dict[str, list[str]]:
    """All rules of a folder's `*.txt` files.

    Raises:
        ValueError: a line before the first rule, a rule given twice, or a rule without alternatives.
    """
    rules: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.txt")):
        name = ""
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            if text.startswith("= "):
                name = text[2:].strip()
                if name in rules:
                    raise ValueError(f"{path.name}:{number}: rule {name!r} is given twice")
                rules[name] = []
            elif not name:
                raise ValueError(f"{path.name}:{number}: text before the first '= rule' line")
            else:
                rules[name].append(text)
    empty = [name for name, alternatives in rules.items() if not alternatives]
    if empty:
        raise ValueError(f"rules without alternatives: {', '.join(empty)}")
    return rules


@dataclass(frozen=True)
class Scene:
    """What stays the same within one text: the person in force (a key of PERSONS), names and bound variables.

    `used` holds the alternatives written so far; they come again only when their rule has no other left.
    """

    person: str = "I"
    names: dict[str, str] = field(default_factory=dict)
    bound: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)


class Writer:
    """Expands rules with its own random generator: the same seed gives the same texts."""

    def __init__(self, rules: Rules, seed: int) -> None:
        self.rules = rules
        self.random = random.Random(seed)

    def write(self, rule: str, scene: Scene | None = None) -> str:
        """One text from `rule`, with capitals set; half of the texts say "don't" where the others say "do not"."""
        text = finish(self._rule(rule, scene or self.new_scene(), 0))
        return contract(text) if self.random.random() < 0.5 else text

    def new_scene(self) -> Scene:
        """A hero and another person, each with a name that fits the pronoun."""
        names: dict[str, str] = {}
        for role in ("hero", "other"):
            person = self.random.choice(("he", "she"))
            names[role] = person
            free = [name for name in self.rules[f"name.{person}"] if name not in names.values()]
            names[role + "_name"] = self.random.choice(free)
        return Scene(names=names)

    def _rule(self, name: str, scene: Scene, depth: int) -> str:
        if name not in self.rules:
            raise ValueError(f"the grammar has no rule {name!r}")
        if depth > MAX_DEPTH:
            raise ValueError(f"rule {name!r} calls itself without end")
        fresh = [text for text in self.rules[name] if text not in scene.used]
        template = self.random.choice(fresh or self.rules[name])
        scene.used.add(template)
        return re.sub(r"\{([^{}]+)\}", lambda match: self._slot(match[1], scene, depth + 1), template)

    def _slot(self, slot: str, scene: Scene, depth: int) -> str:
        if "|" in slot:
            person, _, slot = slot.partition("|")
            return self._slot(slot, self._in_person(person, scene), depth)
        if "=" in slot:
            variable, _, rule = slot.partition("=")
            value = self._rule(rule, scene, depth)
            scene.bound[variable.lstrip("_")] = value
            return "" if variable.startswith("_") else value
        forms = PERSONS[scene.person]
        if "/" in slot:
            word = self.random.choice(slot.split("/"))
            return forms.get(word, word)
        if slot in forms:
            return forms[slot]
        if slot == "N":
            return scene.names.get("N", forms["S"])
        if slot in ("hero", "other"):
            return scene.names[slot + "_name"]
        if slot in scene.bound:
            return scene.bound[slot]
        variable, dot, tail = slot.partition(".")
        if dot and variable in scene.bound:
            slot = f"{scene.bound[variable]}.{tail}"
        return self._rule(slot, scene, depth)

    def _in_person(self, person: str, scene: Scene) -> Scene:
        """The scene told in another person; bindings stay shared, so that the topic is kept."""
        if person in ("hero", "other"):
            names = {**scene.names, "N": scene.names[person + "_name"]}
            return replace(scene, person=scene.names[person], names=names)
        if person not in PERSONS:
            raise ValueError(f"{person!r} is no person: use I, you, he, she, hero or other")
        return replace(scene, person=person, names={k: v for k, v in scene.names.items() if k != "N"})


def contract(text: str) -> str:
    """Spoken forms: "it is cold" becomes "it's cold"; never before punctuation ("that is how it is.")."""
    for full, short in CONTRACTIONS.items():
        text = re.sub(rf"\b{full}\b(?= \w)", short, text, flags=re.IGNORECASE)
    return text


def finish(text: str) -> str:
    """Line breaks, single spaces, and a capital at the start of each sentence and quotation."""
    text = text.replace("\\n", "\n")
    text = re.sub(r"[ \t]+", " ", text)
    text = re.sub(r" ?\n ?", "\n", text)
    text = re.sub(r" ([.,;:!?])", r"\1", text)
    start = r'(^|[.!?]"? |\n|[,:] "|^\w: |\n\w: )("?)(?!(?<=[.!?]" )(?:asked|said)\b)([a-z])'
    return re.sub(start, lambda m: m[1] + m[2] + m[3].upper(), text).strip()
