# ruff: noqa: E501, SIM905 - a list of words or a condition is read as one line
"""What makes a word a name where no phrase announces one: its place in the sentence, its capital, its neighbours."""

from components.anonymize import lexicon
from components.anonymize.recognizers.name_parts import adjacent
from components.anonymize.tokens import Token

_PLACE_PREPOSITIONS = frozenset({"in", "near", "at", "outside"})
_DIRECTIONS = frozenset({"to", "from", "through"})
_MOVES = frozenset(
    "move moved moving relocated go going went gone come came back travel travelled traveled fly flew drive drove return returned returning".split()
)
_SUBJECTS = frozenset({"i", "i'm", "i've", "i'd", "i'll"})
_COMPANY = frozenset("with told tell called asked ask by met saw between miss love and".split())
_ADDRESSED = frozenset(
    "i you can could would will do did please thank thanks how what why when it that we my is are have if the this".split()
)
_CLAUSES = frozenset("and but when because that since if so after then yesterday today".split())
_TELLING = frozenset("said says told tells thinks thought asked texted called wants wanted knows".split())


def is_evident(tokens: list[Token], number: int) -> bool:
    """Say whether a name that is also a word is meant as a name here."""
    token = tokens[number]
    if not token.capitalised:
        return False
    neighbours = [tokens[other] for other in (number - 1, number + 1) if 0 <= other < len(tokens) and adjacent(tokens, min(number, other))]
    if any(other.capitalised and other.name and not other.ordinary for other in neighbours):
        return True
    if token.given and (
        is_called_on(tokens, number) or (is_subject(tokens, number) and tokens[number + 1].key not in {"is", "was", "has", "had"})
    ):
        return True
    if token.family and not token.given and not token.initial:
        acting = token.possessive or is_subject(tokens, number) or tokens[number - 1].key in _COMPANY
        return acting and _small_before(tokens, number) and not token.facts & lexicon.CAPITALISED
    if token.facts & lexicon.CAPITALISED:
        return token.possessive and token.given and not token.initial
    return token.given and not token.initial and _small_before(tokens, number)


def is_subject(tokens: list[Token], number: int) -> bool:
    """The word is followed by what only a person does ("said"), or by "is my"."""
    if number + 2 >= len(tokens) or tokens[number + 1].before != " ":
        return False
    following, next_one = tokens[number + 1], tokens[number + 2]
    if following.key in {"is", "was"}:
        return next_one.key == "my"
    return following.key in lexicon.words("personal_verbs") or (following.key == "and" and next_one.key in {"i", "me", "my"})


def is_called_on(tokens: list[Token], number: int) -> bool:
    """The word is addressed: "Grace, can you ...", "..., Grace"."""
    after = tokens[number + 1].before if number + 1 < len(tokens) else "."
    if tokens[number].initial:
        return after == ", " and tokens[number + 1].key in _ADDRESSED
    return (
        tokens[number].before == ", "
        and after[:1] in {",", ".", "!", "?"}
        and _small_before(tokens, number)
        and not tokens[number].facts & lexicon.CAPITALISED
    )


def speaks_ascii(tokens: list[Token]) -> bool:
    """Nearly all words are written in plain letters, as English is: one with other letters is no word of the text's language."""
    return sum(not token.word.isascii() for token in tokens) <= 1 + len(tokens) // 30


def is_small_person(tokens: list[Token], number: int) -> bool:
    """A word in small letters stands where a person would: as subject, as object of "told", or as the signature."""
    before = tokens[number - 1].key if number and tokens[number].before == " " else ""
    signature = number == len(tokens) - 1 and number > 1 and tokens[number].before in {", ", " - ", ". - ", ",\n", "\n"}
    return signature or before in lexicon.words("person_objects") or _small_subject(tokens, number)


def _small_subject(tokens: list[Token], number: int) -> bool:
    """A word in small letters stands where a person would: "... and I", "... told me"."""
    if number + 2 >= len(tokens) or tokens[number + 1].before != " " or tokens[number + 2].before != " ":
        return False
    following, next_one = tokens[number + 1].key, tokens[number + 2].key
    begins = number == 0 or tokens[number].initial or tokens[number].before == ", " or tokens[number - 1].key in _CLAUSES
    return begins and (
        (following == "and" and next_one in {"i", "me"}) or (following in _TELLING and next_one in {"me", "i", "that", "he", "she", "us"})
    )


def is_unknown_capital(tokens: list[Token], number: int) -> bool:
    """Say whether a capital in the middle of a sentence is all that makes an unknown word a name, and no place is meant."""
    token = tokens[number]
    if token.initial or not _small_before(tokens, number):
        return False
    if number > 1 and tokens[number - 1].key in _DIRECTIONS and tokens[number - 2].key in _MOVES:
        return False
    return any(character in "aeiouyаеёиоуыэюя" for character in token.key) and tokens[number - 1].key not in _PLACE_PREPOSITIONS


def is_unknown_pair(tokens: list[Token], number: int) -> bool:
    """Two unknown capitalised words side by side, wherever they stand: a name that no list holds."""
    if number + 1 >= len(tokens) or not adjacent(tokens, number) or tokens[number].possessive:
        return False
    return tokens[number + 1].unknown


def _small_before(tokens: list[Token], number: int) -> bool:
    """The previous word is written small (or is "I"), so this is no heading and no title case."""
    return number > 0 and (tokens[number - 1].small or tokens[number - 1].key in _SUBJECTS)
