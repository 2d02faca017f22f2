"""The engine for Russian text: a small neural tagger for names, places and bodies, led by a dictionary.

The tagger is slovnet's on navec vectors, as natasha ships them; the dictionary, pymorphy3's, says where a small word deserves a capital.
The tagger was trained on news and finds next to nothing in small letters: it reads each turn with the capitals that the dictionary gives.
Only tagger and vectors are loaded, from files of the natasha package: its other parts need a morphology that no longer installs.
"""

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from components.anonymize.document import Document
from components.anonymize.recognizers.ru_words import INSTALL, capitalised_words, dictionary, listed_name, look_up, town_forms
from components.anonymize.recognizers.ru_words import function_words as stop_words
from components.anonymize.spans import Span, merge
from components.anonymize.tokens import Token
from components.shared.errors import ContractError
from components.shared.languages import detect
from components.shared.normalize import normalize

_TYPES = {"PER": "PERSON", "LOC": "LOCATION", "ORG": "ORGANIZATION"}
_SCORES = {"PERSON": 0.75, "LOCATION": 0.65, "ORGANIZATION": 0.6}
"""Fixed, for the tagger gives none: people are its best class, bodies its weakest."""
_BATCH = 16
"""Turns that the tagger reads at once: more gain nothing, for it pads to the longest."""
_MODEL = "data/model/slovnet_ner_news_v1.tar"
_VECTORS = "data/emb/navec_news_v1_1B_250K_300d_100q.tar"


class MorphologyDetector:
    """Finds people, places and bodies in Russian turns; turns in other languages are passed over.

    Raises:
        ContractError: natasha or pymorphy3 is not installed.
    """

    name = "morphology"

    def __init__(self) -> None:
        package = importlib.util.find_spec("natasha")
        if package is None or not package.submodule_search_locations:
            raise ContractError(f"anonymize: the engine 'morphology' needs natasha, which is not installed; install it with {INSTALL}")
        try:
            from navec import Navec
            from slovnet import NER
        except ImportError as error:
            raise ContractError(
                f"anonymize: the engine 'morphology' needs {error.name}, which is not installed; install it with {INSTALL}"
            ) from None
        dictionary()
        folder = Path(package.submodule_search_locations[0])
        self._tagger: Any = NER.load(str(folder / _MODEL), batch_size=_BATCH)
        self._tagger.navec(Navec.load(str(folder / _VECTORS)))

    def find(self, turns: Sequence[str]) -> list[list[Span]]:
        """Return what the turns of one row hold: for each turn disjoint spans in order, with offsets into the turn as it was given."""
        found: list[list[Span]] = [[] for _ in turns]
        normalized = {number: normalize(turn) for number, turn in enumerate(turns) if _may_be_russian(turn)}
        documents = {number: Document(text.text) for number, text in normalized.items() if text.text.strip()}
        order = sorted(documents, key=lambda number: (len(documents[number].text), number))
        readings = [_with_capitals(documents[number]) for number in order]
        for number, markup in zip(order, self._tagger.map(readings), strict=True):
            spans = [
                Span(*normalized[number].original(start, end), kind, self.name, _SCORES[kind])
                for start, end, kind in _accepted(documents[number], markup.spans)
            ]
            found[number] = merge(spans)
        return found


def _may_be_russian(turn: str) -> bool:
    return any("Ѐ" <= character <= "ӿ" for character in turn) and detect(turn).language != "uz"


def _shouts(document: Document) -> bool:
    """Most words are all capitals, so capitals say nothing."""
    words = [token for token in document.tokens if len(token.word) > 1]
    return 2 * sum(token.shouted for token in words) > len(words)


def _with_capitals(document: Document) -> str:
    """Return the text, its length kept, with capitals on small words that the dictionary takes for names or places, or does not hold."""
    shouts = _shouts(document)
    characters = list(document.folded if shouts else document.text)
    for token in document.tokens:
        if (shouts or token.word.islower()) and _deserves_capital(token):
            characters[token.start] = characters[token.start].upper()
    return "".join(characters)


def _deserves_capital(token: Token) -> bool:
    key = token.key.replace("ё", "е")
    if len(key) < 3 or not "Ѐ" <= key[0] <= "ӿ" or key in stop_words():
        return False
    entry = look_up(key)
    return entry.name >= 0.3 or entry.place >= 0.5 or listed_name(key) or (not entry.known and entry.nominal)


def _accepted(document: Document, spans: Sequence[Any]) -> Iterator[tuple[int, int, str]]:
    """Yield the tagger's spans that hold a word which may be what it says; a capital by custom names nobody."""
    shouts = _shouts(document)
    for span in spans:
        kind = _TYPES[span.type]
        words = [token for token in document.tokens if token.start < span.stop and span.start < token.end]
        telling = [token for token in words if _telling(token, kind, shouts or token.word.islower())]
        if telling:
            whole = kind == "ORGANIZATION" or not any(_common(token) for token in words)
            first, last = (words[0], words[-1]) if whole else (telling[0], telling[-1])
            yield first.start, max(last.end, span.stop if kind == "ORGANIZATION" else 0), kind


def _common(token: Token) -> bool:
    entry = look_up(token.key.replace("ё", "е"))
    return entry.known and entry.other > 0.9


def _telling(token: Token, kind: str, small: bool) -> bool:
    """Say whether a word speaks for the tagger's finding; one in small letters or at the head of a sentence needs more."""
    key = token.key.replace("ё", "е")
    if len(key) < 2 or key in stop_words() or (key in capitalised_words() and not listed_name(key)):
        return False
    entry = look_up(key)
    if any(look_up(part).known and look_up(part).other > 0.9 for part in key.split("-") if "-" in key and len(part) > 3):
        return False
    if kind == "PERSON":
        if small or token.initial:
            return (entry.name >= 0.3 or listed_name(key)) and entry.other < 0.5
        return True
    if kind == "LOCATION":
        return key in town_forms() if small else not token.initial or entry.place >= 0.3
    return not small and (not token.initial or not entry.known)
