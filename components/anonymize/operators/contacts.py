"""E-mail addresses, links and handles: the same form, on names that belong to nobody (RFC 2606, RFC 6761)."""

import re
from collections.abc import Iterator
from itertools import count

from components.anonymize.operators.keyed import KeyedChoice
from components.anonymize.operators.mention import Mention

_DOMAINS = ("example.org", "example.com", "example.net")
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"
_ATTEMPTS_PER_LENGTH = 10
_RUN = re.compile(r"[^\W\d_]+|\d+")
_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)?(?P<host>[^/?#\s]*)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_PLAIN = frozenset({"www", "http", "https", "html", "htm", "php", "profile", "user", "users", "id", "in", "channel", "com", "org"})
"""Parts of a path that name nobody."""


class Contacts:
    """Candidates for one person's addresses; the caller takes the first that is free."""

    def __init__(self, keyed: KeyedChoice) -> None:
        self._keyed = keyed

    def candidates(self, mention: Mention) -> Iterator[str]:
        """Yield replacements without end."""
        write = {"EMAIL": self._email, "HANDLE": self._handle, "URL": self._url}[mention.type]
        for attempt in count():
            # A short form has few words; after some attempts it grows.
            longer = "x" * (attempt // _ATTEMPTS_PER_LENGTH)
            yield write(mention.surface, f"{mention.entity}/{attempt}", longer)

    def _email(self, surface: str, seed: str, longer: str) -> str:
        local = surface.partition("@")[0]
        domain = _DOMAINS[self._keyed.number("EMAIL domain", seed) % len(_DOMAINS)]
        return f"{self._shaped(local + longer, 'EMAIL', seed)}@{domain}"

    def _handle(self, surface: str, seed: str, longer: str) -> str:
        """Write a handle that says that it is an example: no range of handles is reserved, and a random one may be somebody's."""
        mark = "@" if surface.startswith("@") else ""
        body = surface.removeprefix("@")
        return f"{mark}example_{self._shaped(body[:8] + longer, 'HANDLE', seed).lower()}"

    def _url(self, surface: str, seed: str, longer: str) -> str:
        match = _URL.fullmatch(surface.strip())
        assert match is not None, "every text has this form"
        domain = _DOMAINS[self._keyed.number("URL domain", seed) % len(_DOMAINS)]
        www = "www." if match["host"].lower().startswith("www.") else ""
        rest = (
            self._shaped(match["rest"] + longer, "URL", seed) if len(match["rest"]) > 1 else f"/{self._word(6 + len(longer), 'URL', seed)}"
        )
        return f"{match['scheme'] or ''}{www}{domain}{rest}"

    def _shaped(self, text: str, *purpose: str) -> str:
        """Return letters for letters and figures for figures, the signs between them kept."""

        def other(match: re.Match[str]) -> str:
            run = match.group()
            if run.isdecimal():
                return self._keyed.digits(len(run), *purpose, str(match.start()))
            if run.lower() in _PLAIN:
                return run
            word = self._word(len(run), *purpose, str(match.start()))
            return word.capitalize() if run[0].isupper() else word

        return _RUN.sub(other, text)

    def _word(self, length: int, *purpose: str) -> str:
        """Return a word that can be spoken."""
        number = self._keyed.number(*purpose, "word")
        letters = []
        for position in range(length):
            alphabet = _VOWELS if position % 2 else _CONSONANTS
            number, letter = divmod(number, len(alphabet)) if number else (self._keyed.number(*purpose, "word", str(position)), 0)
            letters.append(alphabet[letter])
        return "".join(letters)
