"""Towns, districts and regions in Uzbek talk, with their endings, in both alphabets."""

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from components.anonymize.document import Document
from components.anonymize.inflection import word_list
from components.anonymize.recognizers import uz_words
from components.anonymize.recognizers.base import Finding, Recognizer
from components.anonymize.uz_suffixes import CHAIN, skeleton, to_latin

_LETTER = r"[A-ZА-ЯЎҚҒҲЁ]"
_REST = r"[a-zа-яўқғҳё']+"
_KIND = re.compile(
    rf"(?P<name>(?<![\w'-]){_LETTER}{_REST}(?:\s{_LETTER}{_REST})?)\s+(?:shahr|shahar|tuman|viloyat|qishlo|mahalla|daha|mavze|massiv|ovul|шаҳ[ар]|туман|вилоят|қишлоқ|маҳалла|даҳа|мавзе)[\w']*"
)
_CASE = re.compile(r"(?P<stem>[a-z']{4,}?)(?:da|dan|dagi|likman|lik)")


class UzbekTownRecognizer(Recognizer):
    """Places of Uzbekistan by list and by their kind."""

    TYPE = "LOCATION"

    def applies(self, document: Document) -> bool:
        """Some word of Uzbek occurs."""
        return uz_words.speaks_uzbek(document.folded)

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield places: 0.75 by list, 0.7 by kind."""
        tokens = document.tokens
        for number, token in enumerate(tokens):
            latin = token.key if token.key.isascii() else to_latin(token.key)
            pair = f"{latin} {tokens[number + 1].key}" if number + 1 < len(tokens) and tokens[number + 1].before == " " else ""
            if pair and town_of(pair) is not None:
                yield token.start, tokens[number + 1].end, 0.75
                continue
            doubtful = town_of(latin)
            if doubtful is None:
                continue
            if not doubtful or (token.capitalised and not token.initial and _CASE.fullmatch(latin) and uz_words.name_base(latin) is None):
                yield token.start, token.end, 0.75
        for match in _KIND.finditer(document.text):
            if not uz_words.common(match["name"].split()[-1].casefold()) or " " in match["name"]:
                yield match.start(), match.end(), 0.7


@cache
def _towns() -> dict[str, bool]:
    return {skeleton(entry.rstrip("*")): entry.endswith("*") for entry in word_list("uz_towns")}


@lru_cache(maxsize=65536)
def town_of(latin: str) -> bool | None:
    """Say of a word (lower case, Latin) that is a listed town, with or without endings, whether it may be another word; None of others."""
    towns = _towns()
    whole = skeleton(latin)
    if whole in towns:
        return towns[whole]
    for length in range(len(latin) - 1, 2, -1):
        if (
            (CHAIN.fullmatch(latin, length) or re.fullmatch(r"lik(?:man|lar|miz|siz)?|dagi|dan(?:man|miz)", latin[length:]))
            and (stem := skeleton(latin[:length])) in towns
            and (length > 3)
        ):
            return towns[stem]
    return None
