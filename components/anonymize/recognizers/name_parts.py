"""Which words around a found name belong to it: further names, initials, particles."""

from components.anonymize import lexicon
from components.anonymize.tokens import Token

_LONGEST = 6
"""Words of the longest name that is grown; longer runs of capitals are headings."""
_SPACES = frozenset({" ", "-", "  "})


def adjacent(tokens: list[Token], number: int) -> bool:
    """Nothing but a space (or the dot of an initial, or a hyphen) stands between a word and the next."""
    between = tokens[number + 1].before
    return between in _SPACES or (between in {". ", "."} and len(tokens[number].word) <= 2 and tokens[number].word[0].isupper())


def extend(tokens: list[Token], first: int, last: int) -> tuple[int, int]:
    """Grow a name over the neighbouring parts of it."""
    if first > 1 and _family_first(tokens, first):
        first -= 1
    while last + 1 < len(tokens) and last - first < _LONGEST and not tokens[last].possessive:
        step = _part_length(tokens, last + 1)
        if not step:
            break
        last += step
    while first > 0 and last - first < _LONGEST and _belongs_before(tokens, first - 1):
        first -= 1
    return first, last


def _family_first(tokens: list[Token], number: int) -> bool:
    """Find "Chan, Ashley": a family name with a capital, a comma, and the given name that was found, within a sentence."""
    before, token = tokens[number - 1], tokens[number]
    return (
        token.before == ", "
        and before.family
        and not before.given
        and before.capitalised
        and token.given
        and token.capitalised
        and not before.initial
    )


def _belongs_before(tokens: list[Token], number: int) -> bool:
    """The word stands before a found name and is a part of it."""
    token, following = tokens[number], tokens[number + 1]
    if len(token.word) == 1 and token.small and following.small and following.before == ". ":
        return token.before in {" ", ", "} and not following.function
    if token.possessive or not adjacent(tokens, number):
        return False
    if len(token.word) == 1 and token.word.isupper() and following.before in {". ", "."}:
        return token.key != "i" or not number or not tokens[number - 1].function or tokens[number - 1].key in {"as", "by", "to", "from"}
    if token.function:
        return token.given and token.capitalised and not token.initial and following.capitalised
    if token.initial and token.ordinary and not token.given:
        return False
    if token.small:
        return following.small and token.name and (not token.ordinary or (token.given and not _commonly_after(token)))
    return token.letter or (token.capitalised and (token.name or token.unknown))


def _part_length(tokens: list[Token], number: int) -> int:
    """Number of words from ``number`` that continue a name: 0, 1, or more with particles."""
    token = tokens[number]
    particle = token.key in lexicon.words("name_particles")
    if not adjacent(tokens, number - 1) or (token.function and not particle):
        return 0
    followed = number + 1 < len(tokens) and adjacent(tokens, number)
    if len(token.word) == 1 and not particle:
        return int(token.letter and (followed or tokens[number - 1].letter))
    if particle and followed:
        step = _after_particle(tokens, number)
        if step or not token.capitalised:
            return step
    if token.capitalised:
        return int(token.name or not token.ordinary or _word_as_family(tokens, number))
    if token.shouted:
        return int(tokens[number - 1].shouted and token.name)
    return int(token.small and tokens[number - 1].small and _small_part(token))


def _word_as_family(tokens: list[Token], number: int) -> bool:
    """An ordinary word with a capital ends a name in running text: "I met Vera Glass today"."""
    before, token = tokens[number - 1], tokens[number]
    if not (before.given and before.capitalised and not before.ordinary and token.before == " ") or token.facts & lexicon.CAPITALISED:
        return False
    follows = number + 1 >= len(tokens) or not (tokens[number + 1].capitalised and tokens[number + 1].before == " ")
    return follows and (number < 2 or before.initial or tokens[number - 2].small or tokens[number - 2].key == "i")


def _after_particle(tokens: list[Token], number: int) -> int:
    """Number of words from a particle to the part that it belongs to ("van de Velden": 3); 0 where none follows."""
    for step in (2, 3):
        following = number + step - 1
        if following >= len(tokens) or not adjacent(tokens, following - 1):
            return 0
        token = tokens[following]
        if token.capitalised and (token.name or not token.ordinary):
            return step
        if token.small and tokens[number].small and token.name and not token.function and not token.ordinary:
            return step
        if token.key not in lexicon.words("name_particles"):
            return 0
    return 0


def _small_part(token: Token) -> bool:
    """A word in small letters goes on a name in small letters: it is a name, or no word at all."""
    if len(token.key) < 3 or _commonly_after(token):
        return False
    if token.name:
        return True
    return not token.ordinary and len(token.key) > 3 and not lexicon.is_misspelt(token.key)


def _commonly_after(token: Token) -> bool:
    return token.key in lexicon.words("after_names")
