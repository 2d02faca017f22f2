"""Who gets which surrogate: one to one within a person, and never a value that somebody in the corpus really has."""

from collections.abc import Callable, Iterable

from components.shared.normalize import canonical

Spellings = Callable[[str], Iterable[str]]
"""Every form in which a candidate may come to stand in the text."""


class Assignment:
    """The surrogates of one person so far."""

    def __init__(self, is_original: Callable[[str], bool]) -> None:
        self._is_original = is_original
        self._given: dict[tuple[str, ...], str] = {}
        self._used: set[str] = set()

    def known(self, slot: tuple[str, ...]) -> str | None:
        """Return what a slot got before."""
        return self._given.get(slot)

    def choose(self, slot: tuple[str, ...], candidates: Iterable[str], spellings: Spellings = lambda candidate: (candidate,)) -> str:
        """Return the surrogate of a slot: the one it has, or the first candidate that is free.

        Args:
            slot: what the surrogate stands for (a role and a canonical value).
            candidates: in order of preference; must not run out.
            spellings: forms of a candidate, none of which may be an original or another slot's surrogate.
        """
        if slot not in self._given:
            self._given[slot] = self._first_free(candidates, spellings)
        return self._given[slot]

    def _first_free(self, candidates: Iterable[str], spellings: Spellings) -> str:
        for candidate in candidates:
            forms = {canonical(form) for form in (candidate, *spellings(candidate))}
            if not forms & self._used and not any(self._is_original(form) for form in forms):
                self._used |= forms
                return candidate
        raise AssertionError("candidates never run out")
