"""Word lists in ``lexicons/`` compiled to patterns. The notation is described in ``lexicons/README.md``.

Every expression has anchors, plain words of which at least one must occur; a text without them is passed over by substring search, which is
what keeps hundreds of expressions on millions of characters linear and quick.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from components.shared.normalize import normalize

_FOLDER = Path(__file__).parent / "lexicons"
_GAP = r"[^\w.!?\n]+"
_FEW_WORDS = rf"(?:[\w']+{_GAP}){{0,3}}?"
_CLAUSE_END = r"(?=\W*(?:[.,!?;:\n]|$))"
_REPLACED = (("..SPACE", _FEW_WORDS), ("SPACE", _GAP), ("#", r"\d+(?:[.,]\d+)?"), ("*", r"[\w']*"), ("(", "(?:"), ("$", _CLAUSE_END))
_TOKENS = re.compile(r"\.\. |[ #*($]|[^ #*($.]+|\.")
_MACRO = re.compile(r"\{(\w+)\}")
_GROUP = re.compile(r"\(([^()]*)\)")
_PLAIN = re.compile(r"[\w']+")
_CYRILLIC_TO_LATIN = str.maketrans(
    {
        **dict(zip("абвгдёжзийклмнопрстуфхъқҳ", ["a", "b", "v", "g", "d", "yo", "j", "z", "i", "y", *"klmnoprstufx'qh"], strict=True)),
        **{"ў": "o'", "ғ": "g'", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sh", "ы": "i", "ь": "", "э": "e", "ю": "yu", "я": "ya", "е": "e"},
    }
)
_YE = re.compile(r"(?<![^\W\d_])е|(?<=[аеёиоуўэюя])е")


@dataclass(frozen=True)
class Expression:
    """One compiled line: its pattern, and words of which one must be in the text."""

    anchors: tuple[str, ...]
    pattern: re.Pattern[str]

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """Yield the matches in a folded text."""
        if not self.anchors or any(anchor in text for anchor in self.anchors):
            yield from self.pattern.finditer(text)


Lexicon = Mapping[str, tuple[Expression, ...]]


@cache
def lexicon(name: str) -> Lexicon:
    """Return the sections of ``lexicons/NAME.txt``."""
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for raw in (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            current = sections.setdefault(line[1:-1], [])
        elif line and not line.startswith("# "):
            current.append(line)
    return {section: tuple(_compile(_expand(line, sections)) for line in lines) for section, lines in sections.items()}


def fold(text: str) -> str:
    """Return a text as the lists are written: normalised and in lower case."""
    return normalize(text).text.casefold()


def russian(folded: str) -> str:
    """Write ``е`` for ``ё``, as most people and the Russian lists do."""
    return folded.replace("ё", "е")


def uzbek_latin(folded: str) -> str:
    """Write folded Cyrillic Uzbek in Latin letters (the official correspondence of 1995)."""
    return _YE.sub("ye", folded).translate(_CYRILLIC_TO_LATIN)


def _expand(line: str, sections: Mapping[str, list[str]]) -> str:
    while match := _MACRO.search(line):
        line = line[: match.start()] + "(" + "|".join(sections[match.group(1)]) + ")" + line[match.end() :]
    return line


def _compile(line: str) -> Expression:
    parts = []
    for token in _TOKENS.findall(line):
        key = {".. ": "..SPACE", " ": "SPACE"}.get(token, token)
        parts.append(dict(_REPLACED).get(key, token))
    return Expression(_anchors(line), re.compile(rf"(?<![\w'])(?:{''.join(parts)})(?!\w)"))


def _anchors(line: str) -> tuple[str, ...]:
    """Return the fewest words of which one must occur: of a word outside groups, or of a group without an empty alternative."""
    choices: list[tuple[str, ...]] = []
    rest = line
    while match := _GROUP.search(rest):
        words = [_longest(part) for part in match.group(1).split("|")]
        nested = "(" in rest[: match.start()] and rest[: match.start()].count("(") > rest[: match.start()].count(")")
        if all(words) and not nested:
            choices.append(tuple(words))
        # An inner group becomes a mark without letters: what holds it has no anchor through it.
        rest = rest[: match.start()] + ("\x00" if nested else " ") + rest[match.end() :]
    choices += [(word,) for word in _PLAIN.findall(rest)]
    return min(choices, key=lambda words: (len(words), -min(map(len, words))), default=())


def _longest(part: str) -> str:
    return max(_PLAIN.findall(part), key=len, default="")
