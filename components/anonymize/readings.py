"""What an inflected word may be a form of: every nominative and bare stem, Russian and Uzbek, in both alphabets.

Looking a text's words up by their readings finds a name in all its forms without writing the forms out: an Uzbek name has over a thousand.
"""

import re
from functools import lru_cache

from components.anonymize import uz_suffixes
from components.anonymize.inflection import lemma
from components.anonymize.ru_declension import nominatives
from components.shared.languages import Language

_CYRILLIC = re.compile("[Ѐ-ӿ]")
_WOMAN, _MAN = re.compile("..(?:ов|ев|ин|ын)а$"), re.compile("..(?:ов|ев|ин|ын)$")
"""Family names: a family is one name, whoever of it is meant."""
_MIN_STEM = 3
"""Letters; shorter stems would read a name into too many words."""


@lru_cache(maxsize=65536)
def readings(word: str) -> frozenset[str]:
    """Return the words (lower case, ё as е, Uzbek in Latin letters, too) that a word of a text may be a form of; itself among them."""
    lowered = word.casefold().replace("ё", "е")
    found = {lowered}
    latin = lowered
    if _CYRILLIC.search(lowered):
        found.update(nominative.replace("ё", "е") for nominative in nominatives(lowered))
        latin = uz_suffixes.to_latin(lowered)
        found.add(latin)
    found.update(latin[:length] for length in range(_MIN_STEM, len(latin)) if uz_suffixes.CHAIN.fullmatch(latin, length))
    return frozenset(found)


def filed_under(word: str, language: Language | None) -> frozenset[str]:
    """Return the readings by which a found name is looked up: as it stands, and the likeliest nominatives or stems behind it.

    Args:
        word: one word of a name, in any form.
        language: of the turn; an English turn may hold a Russian or Uzbek sentence, so the letters count for more.
    """
    lowered = word.casefold().replace("ё", "е")
    found = {lowered}
    if _CYRILLIC.search(lowered):
        found.add(lemma(lowered, "ru").replace("ё", "е"))
    if language != "ru" or not _CYRILLIC.search(lowered):
        found.add(lemma(lowered, "uz").replace("ё", "е"))
        found |= {uz_suffixes.to_latin(form) for form in found if _CYRILLIC.search(form)}
    found |= {form[:-1] for form in found if _WOMAN.search(form)} | {f"{form}а" for form in found if _MAN.search(form)}
    return frozenset(found)
