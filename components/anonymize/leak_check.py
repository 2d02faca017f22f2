"""The check that can fail a row: does any original value survive in what would be written?

It knows nothing of detectors: it searches the finished output for the values that were found in the person's rows.
"""

from components.anonymize.entities import Form, capital_within_sentence
from components.anonymize.operators import PLACEHOLDER
from components.anonymize.records_text import AnyRow, texts
from components.shared.normalize import canonical, normalize

LEAK = "LEAK"
LEAK_IN_IDENTIFIER = "LEAK_IN_IDENTIFIER"


def check(row: AnyRow, originals: list[Form]) -> str | None:
    """Return the reason why an anonymised row must not be written, or None.

    Args:
        row: the row as it would be written.
        originals: the spellings of every value that was replaced in this person's rows.
    """
    if any(survives(text, originals) for text in texts(row)):
        return LEAK
    identifiers = (row.id, row.person_id, row.source, *row.meta)
    if any("@" in name or survives(name.replace("_", " "), originals) for name in identifiers):
        return LEAK_IN_IDENTIFIER
    return None


def survives(text: str, originals: list[Form]) -> bool:
    """Say whether a text still holds one of the values as whole words, whatever the case."""
    blanked = PLACEHOLDER.sub(" ␟ ", text)
    folded = canonical(blanked)
    cased = normalize(blanked).text
    for form in originals:
        if form.case_bound:
            if any(capital_within_sentence(cased, start) for start in _positions(cased.casefold(), form.text) if start < len(cased)):
                return True
        elif next(iter(_positions(folded, form.text)), None) is not None:
            return True
    return False


def _positions(text: str, value: str) -> list[int]:
    """Where ``value`` stands in ``text`` between non-word characters."""
    found = []
    start = text.find(value)
    while start >= 0:
        end = start + len(value)
        before, after = text[start - 1 : start], text[end : end + 1]
        if not (before.isalnum() or before == "_" or after.isalnum() or after == "_"):
            found.append(start)
        start = text.find(value, start + 1)
    return found
