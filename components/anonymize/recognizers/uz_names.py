"""Names in Uzbek talk, Latin and Cyrillic: given names with endings, family names, patronymics (o'g'li, qizi), forms of address."""

import re
from collections.abc import Iterator

from components.anonymize import lexicon
from components.anonymize.document import Document
from components.anonymize.recognizers import uz_words
from components.anonymize.recognizers.base import Finding, Recognizer
from components.anonymize.recognizers.uz_name_cues import (
    ABSTRACT,
    ADDRESS,
    CALLED_AFTER,
    DEALT_WITH,
    GREETING,
    INITIALS,
    KIN,
    KIN_ANY,
    KIN_STEM,
    LOOKS,
    PATRONYMIC,
    SELF_INTRODUCTION,
    SIGNOFF,
    SON_OF,
    SPEAKS,
    STOP,
)
from components.anonymize.tokens import Token
from components.anonymize.uz_suffixes import skeleton, to_latin


class UzbekNameRecognizer(Recognizer):
    """Names of people in Uzbek; endings are stripped before the lists are asked, and belong to the span."""

    TYPE = "PERSON"

    def applies(self, document: Document) -> bool:
        """Some word of Uzbek occurs; English and Russian texts are passed over."""
        return uz_words.speaks_uzbek(document.folded)

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield names: 0.9 after a cue, 0.8 by list, 0.6 by a capital or an ending alone."""
        text, tokens = document.text, document.tokens
        words = [_Word(token) for token in tokens]
        index = {token.start: number for number, token in enumerate(tokens)}
        seeds = {number: score for number in range(len(words)) for score in [_score(text, words, number)] if score}
        for number in _cued(text, words, index):
            seeds[number] = 0.9
        covered = -1
        for number in sorted(seeds):
            if number <= covered:
                continue
            first, last = _extend(words, number)
            covered = last
            yield tokens[first].start, tokens[last].end, max(seeds.get(other, 0.0) for other in range(first, last + 1))
        for match in INITIALS.finditer(text):
            yield match.start(), match.end(), 0.75


class _Word:
    """A token with its Latin spelling and, where it is one, the listed name behind it."""

    __slots__ = ("ambiguous", "base", "key", "latin", "small", "token")

    def __init__(self, token: Token) -> None:
        self.token = token
        self.key = token.key
        self.latin = token.key if token.key.isascii() else to_latin(token.key)
        head = self.latin.split("-")[0]
        self.base = uz_words.name_base(head) if len(head) > 2 else None
        self.ambiguous = self.base is not None and uz_words.ambiguous(self.base)
        self.small = not token.capitalised

    @property
    def plain(self) -> bool:
        """An ordinary word of Uzbek (or, in Latin letters, of English), or too short to be a name."""
        return len(self.key) < 3 or self.latin in STOP or uz_words.common(self.key)


def _score(text: str, words: list[_Word], number: int) -> float:
    word = words[number]
    if len(word.key) < 3 or word.latin in STOP:
        return 0.0
    english = (
        word.key.isascii() and word.base == skeleton(word.key) and (lexicon.is_ordinary(word.key) or lexicon.is_capitalised_word(word.key))
    )
    if word.base and not word.ambiguous and not (english and (word.small or word.token.initial)):
        return 0.8
    family = uz_words.family_name(word.key)
    if family >= 0.9 or PATRONYMIC.fullmatch(word.latin):
        return 0.8
    beside = [words[other] for other in (number - 1, number + 1) if 0 <= other < len(words) and _adjacent(words, min(number, other))]
    if word.small:
        if word.base and word.base not in ABSTRACT and DEALT_WITH.match(text, word.token.end) and _ending_fits(word):
            return 0.7
        return 0.75 if family and any(other.base and other.small for other in beside) else 0.0
    if word.token.initial:
        return _leading(text, words, number, family)
    if word.base:
        return 0.75
    if family and not _russian(word):
        return 0.7
    if word.plain or _russian(word) or _place(word.latin) or not _lower_before(words, number):
        return 0.0
    return 0.6 if len(word.key) > 3 else 0.0


def _ending_fits(word: _Word) -> bool:
    """Say whether the word is who somebody is, not what somebody has ("uning irodasi", "irodam"): a possessive ending decides."""
    bare = re.sub(r"(?:ning|ni|ga|dan|da)$", "", word.latin)
    return skeleton(bare) == word.base or re.search(r"(?:[iu]m|ing|si|imiz|ngiz|lik|i|lar|larim)$", bare) is None


def _leading(text: str, words: list[_Word], number: int, family: float) -> float:
    """A capitalised word at the head of a sentence."""
    word = words[number]
    follower = words[number + 1] if number + 1 < len(words) and _adjacent(words, number) else None
    if (
        follower is not None
        and follower.token.capitalised
        and (word.base or not word.plain)
        and (follower.base or uz_words.family_name(follower.key))
    ):
        return 0.75
    if word.base and word.base not in ABSTRACT and DEALT_WITH.match(text, word.token.end) and _ending_fits(word):
        return 0.7
    if word.base and SPEAKS.match(text, word.token.end) and not uz_words.common(word.key):
        return 0.7
    if family and not _russian(word):
        return 0.65
    return (
        0.6
        if not word.plain and len(word.key) > 4 and LOOKS.fullmatch(word.latin) and not _place(word.latin) and not _russian(word)
        else 0.0
    )


def _cued(text: str, words: list[_Word], index: dict[int, int]) -> Iterator[int]:
    for match in SELF_INTRODUCTION.finditer(text):
        number = index.get(match.end())
        if number is not None and _told(words[number]):
            yield number
    for match in GREETING.finditer(text):
        number = index.get(match.end())
        if number is not None and words[number].base and words[number].latin not in STOP and not KIN.fullmatch(words[number].latin):
            yield number
    for match in SIGNOFF.finditer(text):
        number = index.get(match.end())
        if number is not None and words[number].latin not in STOP:
            word = words[number]
            if word.base or uz_words.family_name(word.key) or (word.token.capitalised and not word.plain and LOOKS.fullmatch(word.latin)):
                yield number
    for match in CALLED_AFTER.finditer(text):
        number = index.get(match.start("name"))
        if number is not None and (_told(words[number]) or (words[number].base and words[number].token.capitalised)):
            yield number
    for number, word in enumerate(words):
        before = words[number - 1] if number > 0 and _adjacent(words, number - 1) else None
        after = words[number + 1] if number + 1 < len(words) and _near(words, number) else None
        if len(word.key) < 3:
            continue
        if (
            before is not None
            and (KIN.fullmatch(before.latin) and (before.latin not in _BARE_KIN or before.latin in KIN_ANY))
            and _after_kin(word)
        ):
            yield number
        elif after is not None and (SON_OF.fullmatch(after.key) or SON_OF.fullmatch(after.latin)):
            if (word.base and (not word.small or not word.ambiguous)) or (word.token.capitalised and not word.plain):
                yield number
        elif after is not None and ADDRESS.fullmatch(after.latin) and _addressed(words, number):
            yield number


_BARE_KIN = frozenset(KIN_STEM.split("|")) | {"oni", "eri"}


def _told(word: _Word) -> bool:
    """After "ismim" anything may follow that is no function word."""
    if len(word.key) < 3 or word.latin in STOP:
        return False
    return (
        bool(word.base)
        or uz_words.family_name(word.key) > 0
        or not word.plain
        or (word.token.capitalised and skeleton(word.latin) not in _FUNCTION)
    )


_FUNCTION = frozenset(skeleton(word) for word in STOP)


def _after_kin(word: _Word) -> bool:
    if word.latin in STOP or KIN.fullmatch(word.latin):
        return False
    if word.base:
        # "onam mehribon", "erim jasur": in small letters an adjective as often as a name, unless an ending of a noun follows it
        return not word.small or not word.ambiguous or word.base not in _ADJECTIVES
    if word.token.capitalised:
        return not word.plain
    return uz_words.family_name(word.key) > 0 or (not word.plain and LOOKS.fullmatch(word.latin) is not None)


_ADJECTIVES = frozenset(skeleton(word) for word in ["mehribon", "baxtiyor", "go'zal", "mo'min", "nozik", "shirin", "kenja"])


_CASE_ENDING = re.compile(r"(?:da|dan|ga|ni|ning)$")
_POSSESSED = re.compile(r"(?:ota|ona|aka|opa|uka|bobo|buvi|xola|amaki|tog'a|amma|aya|oyi|kelin|ustoz|domla)(?:m|im|ng|ing|si|lari)")


def _addressed(words: list[_Word], number: int) -> bool:
    """A name before "opa" or "aka" (not "katta opa", "mening opam")."""
    word = words[number]
    if word.latin in STOP or KIN.fullmatch(word.latin):
        return False
    if word.base:
        return not word.latin.endswith(("ning", "ga", "dan")) or not word.small
    if _CASE_ENDING.search(word.latin) or _POSSESSED.fullmatch(words[number + 1].latin):
        return False
    if word.key.isascii() and lexicon.is_ordinary(word.key):
        return False
    return not word.plain and (word.token.capitalised or LOOKS.fullmatch(word.latin) is not None) and not word.latin.endswith("ning")


def _extend(words: list[_Word], number: int) -> tuple[int, int]:
    first = last = number
    while last + 1 < len(words) and last - first < 4 and _adjacent(words, last) and _part(words[last + 1], words[last], after=True):
        last += 1
    while first > 0 and last - first < 4 and _adjacent(words, first - 1) and _part(words[first - 1], words[first], after=False):
        first -= 1
    return first, last


def _part(word: _Word, beside: _Word, after: bool) -> bool:
    if len(word.key) < 2 or word.latin in STOP:
        return False
    if SON_OF.fullmatch(word.latin) or SON_OF.fullmatch(word.key):
        return after
    if word.small != beside.small and not (word.token.shouted or beside.token.shouted):
        return False
    if word.base:
        return (not word.small or not word.ambiguous or uz_words.family_name(beside.key) > 0) and not (
            not after and word.token.initial and word.ambiguous and not word.small
        )
    if uz_words.family_name(word.key) or PATRONYMIC.fullmatch(word.latin):
        return not _russian(word)
    return word.token.capitalised and not word.plain and not word.token.initial and not _place(word.latin) and not _russian(word)


def _russian(word: _Word) -> bool:
    """A Cyrillic word that Russian knows as an ordinary one."""
    if word.key.isascii():
        return False
    from components.anonymize.recognizers.ru_words import look_up

    entry = look_up(word.key)
    return entry.known and entry.name < 0.3


def _place(latin: str) -> bool:
    from components.anonymize.recognizers.uz_places import town_of

    return town_of(latin) is not None or lexicon.is_place(latin)


def _lower_before(words: list[_Word], number: int) -> bool:
    return number > 0 and (words[number - 1].token.word.islower() or words[number - 1].latin in STOP)


def _adjacent(words: list[_Word], number: int) -> bool:
    return words[number + 1].token.before in {" ", "  "}


def _near(words: list[_Word], number: int) -> bool:
    return words[number + 1].token.before in {" ", "  ", "-"}
