"""The check that can fail a row: does any original value survive in what would be written?

Two looks at the finished row. The first searches for keyed hashes of every value that was replaced, in all its spellings and inflections,
and asks no detector: what was found anywhere must be nowhere. The second asks the engines again, with lower thresholds, about the text
outside the replacements: what they half believe to be a direct identifier sends the row to quarantine.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from components.anonymize.detector import Detector
from components.anonymize.entities import Form, capital_within_sentence, is_case_bound
from components.anonymize.operators import PLACEHOLDER
from components.anonymize.public_lines import is_public_line
from components.anonymize.readings import readings
from components.anonymize.records_text import AnyRow, texts, turns
from components.anonymize.spans import DIRECT_TYPES
from components.shared.normalize import normalize
from components.shared.original_values import OriginalValues

LEAK = "LEAK"
LEAK_IN_IDENTIFIER = "LEAK_IN_IDENTIFIER"
LEAK_OF_ANOTHER = "LEAK_OF_ANOTHER_PERSON"
SUSPECT = "SUSPECT"
REASONS = {
    LEAK: "a value that was replaced elsewhere in this person's rows is still there",
    LEAK_IN_IDENTIFIER: "the row's id, person id, source or a key of its metadata tells a name or an address; give neutral ones",
    LEAK_OF_ANOTHER: "a full name, number or address that was replaced in another person's rows is still there",
    SUSPECT: "the engines half believe that a direct identifier was left; a person must look",
}

Ranges = Sequence[tuple[int, int]]
"""Start and end (exclusive) of each replacement in a finished text."""


class PersonOriginals:
    """Keyed hashes of the spellings of one person's values."""

    def __init__(self, key: bytes, spellings: Iterable[Form]) -> None:
        # Four sets: ordinary words count only with a capital, and names in languages with endings are looked up by readings.
        self._sets = {(bound, inflects): OriginalValues(key) for bound in (False, True) for inflects in (False, True)}
        for form in spellings:
            self._sets[form.case_bound, form.inflects].add(form.text)

    def survive(self, text: str, replaced: Ranges = ()) -> bool:
        """Say whether a text holds one of the values as whole words; ordinary words only where a capital means the name.

        A name that is also a word ("May") may stand in a replacement ("10 May"): there it is the word.
        """
        used = [(sorts, values) for sorts, values in self._sets.items() if len(values)]
        if not used:
            return False
        blanked = PLACEHOLDER.sub(lambda match: "␟" * len(match.group()), text)
        for (bound, inflects), values in used:
            found = values.find(blanked, readings if inflects else None)
            if any(not bound or (not _within(start, replaced) and _capital(blanked, start)) for start, _ in found):
                return True
        return False


def _within(position: int, ranges: Ranges) -> bool:
    return any(start <= position < end for start, end in ranges)


def _capital(text: str, start: int) -> bool:
    """Say whether the word at an offset of a text as given has a capital that the head of a sentence does not explain."""
    before = normalize(text[:start]).text
    return capital_within_sentence(before + normalize(text[start:]).text, len(before))


def _is_label(text: str) -> bool:
    """Say whether a string of the metadata is one word in small letters: a label, out of all context by which an engine could judge."""
    return text.isalpha() and text.islower()


def _small_words(span_type: str, surface: str) -> bool:
    """Say whether a finding is nothing but words in small letters that names, but not addresses or numbers, are made of."""
    letters = surface.replace(" ", "")
    if not (letters.isalpha() and letters.islower()):
        return False
    return span_type != "PERSON" or is_case_bound(surface)


@dataclass(frozen=True)
class SecondLook:
    """The engines at lower thresholds."""

    detector: Detector

    def suspects(self, contents: Sequence[str], replaced: Sequence[Ranges]) -> int:
        """Return how many direct identifiers the engines half believe to be left outside the replacements.

        An ordinary word in small letters and the number of a help line are none, whatever an engine believes at a low threshold.
        """
        found = zip(contents, self.detector.find(contents), replaced, strict=True)
        return sum(
            span.type in DIRECT_TYPES
            and not any(span.start < end and start < span.end for start, end in ranges)
            and not _small_words(span.type, text[span.start : span.end])
            and not is_public_line(span.type, text[span.start : span.end])
            for text, spans, ranges in found
            for span in spans
        )


def check(
    row: AnyRow,
    originals: PersonOriginals,
    *,
    replaced: Sequence[Ranges] = (),
    corpus: OriginalValues | None = None,
    second_look: SecondLook | None = None,
) -> str | None:
    """Return the reason why a finished row must not be written, or None.

    Args:
        row: the row as it would be written.
        originals: the values of this person.
        replaced: for each text of the row, where replacements stand (needed for the second look).
        corpus: values of all people that tell a person by themselves (full names, numbers, addresses).
        second_look: the engines at lower thresholds; None: no second look.
    """
    contents = texts(row)
    places = replaced or [()] * len(contents)
    if any(originals.survive(text, ranges) for text, ranges in zip(contents, places, strict=True)):
        return LEAK
    identifiers = (row.id, row.person_id, row.source, *row.meta)
    if any("@" in name or originals.survive(name.replace("_", " ")) for name in identifiers):
        return LEAK_IN_IDENTIFIER
    if corpus is not None and any(next(corpus.find(text), None) is not None for text in contents):
        return LEAK_OF_ANOTHER
    if second_look is not None:
        number = len(turns(row))
        written = [index for index in range(number, len(contents)) if not _is_label(contents[index])]
        parts = [slice(0, number), *(slice(index, index + 1) for index in written)]
        if any(second_look.suspects(contents[part], replaced[part]) for part in parts):
            return SUSPECT
    return None
