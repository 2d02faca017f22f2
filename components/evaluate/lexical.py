"""Nine counts of a reply's surface that carry much of what raters see as empathy (explorations is almost a question mark detector)."""

import re
from collections.abc import Sequence

import numpy
from numpy.typing import NDArray

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def _vocabulary(text: str) -> frozenset[str]:
    return frozenset(text.split())


_QUESTION_WORDS = _vocabulary("what how why when where who which")
_SECOND_PERSON = _vocabulary("you your yours yourself you're you've")
_FIRST_PERSON = _vocabulary("i me my mine myself i'm i've i'd")
_WARMTH = _vocabulary("sorry glad hope care love proud wish sad hug hugs happy worried here")
_UNDERSTANDING = _vocabulary("understand feel feeling feels sounds sound seems imagine must know means same relate experienced")
_ADVICE = _vocabulary("should try need could must ought maybe start stop")

NAMES = (
    "log_words",
    "question_marks",
    "question_words",
    "second_person",
    "first_person",
    "warmth",
    "understanding",
    "advice",
    "exclamation_marks",
)


def words(text: str) -> list[str]:
    """Return the lower-case words of a text (letters, with an inner apostrophe)."""
    return [word.replace("’", "'") for word in _WORD.findall(text.lower())]


def features(texts: Sequence[str]) -> NDArray[numpy.float64]:
    """Return the nine counts of each text, shape (len(texts), 9); all but the length are log(1 + count)."""
    return numpy.array([_counts(text) for text in texts], dtype=float).reshape(len(texts), len(NAMES))


def _counts(text: str) -> list[float]:
    tokens = words(text)
    groups = (_QUESTION_WORDS, _SECOND_PERSON, _FIRST_PERSON, _WARMTH, _UNDERSTANDING, _ADVICE)
    members = [sum(token in group for token in tokens) for group in groups]
    counts = [len(tokens), text.count("?"), *members, text.count("!")]
    return [float(numpy.log1p(count)) for count in counts]
