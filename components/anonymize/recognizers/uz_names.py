"""Names in Uzbek talk, Latin and Cyrillic: given names with their endings, family names, patronymics with o'g'li and qizi, forms of address."""

import re
from collections.abc import Iterator

from components.anonymize import lexicon
from components.anonymize.document import Document
from components.anonymize.inflection import word_list
from components.anonymize.recognizers import uz_words
from components.anonymize.recognizers.base import Finding, Recognizer
from components.anonymize.tokens import Token
from components.anonymize.uz_suffixes import skeleton, to_latin

_KIN_STEM = (
    "opa|aka|uka|singl|ona|ota|dada|oyi|oyijon|aya|buvi|bobo|xola|amaki|tog'a|amma|er|xotin|qiz|o'g'l|do'st|dugona|qo'shni|jiyan|kelin|kuyov|qaynona|qaynota|qaynopa|qaynsingl|o'rtog'|ustoz|shifokor|doktor|psixolog|psixiatr|terapevt"
    "|boshlig'|direktor|hamkasb|sinfdosh|kursdosh|sevgil|yigit|sobiq er|rahbar|o'qituvchi|murabbiy|nabira|nevara|egachi|pochcha|yanga|ukaxon|mushug|it|bemor|mijoz|mehmon|qizaloq|bolakay|bola|farzand|xo'jayin|xo'jayn|qarindosh|hamshira"
)
_KIN = re.compile(rf"(?:{_KIN_STEM})(?:xon|jon|cha|ginam)?(?:im|m|ing|ng|i|si|imiz|miz|ingiz|ngiz|lari|larim)?")
_KIN_ANY = frozenset(
    {
        "shifokor",
        "doktor",
        "psixolog",
        "psixiatr",
        "terapevt",
        "direktor",
        "bemor",
        "mijoz",
        "ustoz",
        "janob",
        "xonim",
        "o'qituvchi",
        "hamshira",
    }
)
_ADDRESS = re.compile(
    r"(?:opa|aka|xola|amaki|tog'a|buvi|bobo|domla|ustoz|hoji|oyi|amma|pochcha|yanga|kelin|begim|xonim|janoblari|aya|eje|egachi|ota|ona|uka|singil|muallim|otin|jon|xon|qori)(?:jon|xon)?(?:m|im|ng|ing|si|i|miz|ngiz|lar)?(?:ni|ning|ga|da|dan|niki)?"
)
_SON_OF = re.compile(r"(?:o'?g'?li|ogli|o'gli|ugli|uli|qizi|kizi)(?:ning|ga|ni|dan|da)?|ўғли|қизи|угли|кизи")
_SELF_INTRODUCTION = re.compile(
    r"\b(?:(?:ism|ot|familiya|familya|sharif|laqab|ism-?sharif|ism-?familiya)(?:im|m|i|si|ing|ingiz|imiz|yim)?(?:\s+(?:esa|bu|o'zi))?|(?:исм|от|фамилия|шариф|лақаб)(?:им|м|и|си|нг|ингиз)?|f\.?i\.?sh\.?|f\.?i\.?o\.?|ф\.?и\.?ш\.?)\s*(?:[:=,—-]\s*)?[\"']?(?=[^\W\d_])",
    re.IGNORECASE,
)
_CALLED_AFTER = re.compile(
    r"(?P<name>[^\W\d_]+(?:['-][^\W\d_]+)*)\s+(?:deb\s+(?:chaqir|ata|nomla|ayt)\w*|deyishadi|deb\s+qo'yishgan|ismli|degan\s+(?:yigit|qiz|odam|bola|ayol|erkak|do'st\w*|dugona\w*)|деб\s+(?:чақир|ата|айт)\w*|дейишади|исмли)",
    re.IGNORECASE,
)
_SPEAKS = re.compile(
    r"\s+(?:(?:ham|esa|menga|meni|mening|men\s+bilan|kecha|bugun|yana|doim|hech|ҳам|эса|менга|мени|кеча|бугун|яна)\s+){0,2}(?:dedi|deydi|aytdi|aytgan|keldi|ketdi|qo'ng'iroq|yozdi|so'radi|urdi|aldadi|tashlab|bilan|ning|menga|meni|yaxshi\s+ko'radi|xafa|ichadi|uylandi|tug'ildi|turmushga|деди|дейди|айтди|келди|кетди|ёзди|сўради|билан)",
    re.IGNORECASE,
)
_INITIALS = re.compile(
    r"(?P<family>(?<![\w-])[A-Z][a-z']+(?:ov|ev|yev|ova|eva|yeva|zoda|in|ina))\s(?:[A-Z]|Sh|Ch|G'|O')\.(?:\s?(?:[A-Z]|Sh|Ch|G'|O')\.)?|(?<![\w.])(?:[A-Z]|Sh|Ch|G'|O')\.\s?(?:(?:[A-Z]|Sh|Ch|G'|O')\.\s?)?(?P<after>[A-Z][a-z']+(?:ov|ev|yev|ova|eva|yeva|zoda))"
)
_PATRONYMIC = re.compile(r"[a-z']{3,}(?:[oe]vich|[oe]vna|yevich|yevna)(?:ning|ga|ni|dan|da)?")
_LOOKS = re.compile(
    r"[a-z']{3,}(?:bek|jon|xon|boy|gul|oy|niso|bonu|mirzo|ulla|iddin|murod|nazar|sher|shod|zod|noza|nora|yor|mat)(?:ning|ga|ka|qa|ni|dan|da|im|lar)?"
)
_STOP = frozenset(word_list("uz_function_words"))


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
        for match in _INITIALS.finditer(text):
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
        return len(self.key) < 3 or self.latin in _STOP or uz_words.common(self.key)


def _score(text: str, words: list[_Word], number: int) -> float:
    word = words[number]
    if len(word.key) < 3 or word.latin in _STOP:
        return 0.0
    english = (
        word.key.isascii() and word.base == skeleton(word.key) and (lexicon.is_ordinary(word.key) or lexicon.is_capitalised_word(word.key))
    )
    if word.base and not word.ambiguous and not (english and (word.small or word.token.initial)):
        return 0.8
    family = uz_words.family_name(word.key)
    if family >= 0.9 or _PATRONYMIC.fullmatch(word.latin):
        return 0.8
    beside = [words[other] for other in (number - 1, number + 1) if 0 <= other < len(words) and _adjacent(words, min(number, other))]
    if word.small:
        if word.base and word.base not in _ABSTRACT and _DEALT_WITH.match(text, word.token.end) and _ending_fits(word):
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


_ABSTRACT = frozenset(
    skeleton(word)
    for word in "baxt orzu sevgi hayot sabr rahmat salom umr safar bahor gul mehr navro'z ramazon qurbon nazar iymon davlat".split()
)
"""Words that people speak of as of persons ("hayotni sevaman"): never names in small letters by what follows alone."""
_DEALT_WITH = re.compile(
    r"\s+(?:(?:juda|ancha|hali|yana|жуда|анча|яна)\s+)?(?:telefon|qo'ng'iroq|ayt|yoz|ber|pul|turmush|uylan|ishon|sms|onasi|otasi|opasi|akasi|ukasi|singlisi|eri\b|xotini|uyi|bolasi|bolalari|qizi|o'g'li|do'sti|dugonasi|ismi|gapi|aybi|telefoni|sev|ko'r|yaxshi\s+ko'r|yomon\s+ko'r|uchrat|chaqir|kechir"
    r"|xafa|ajrash|kechirim|so'ra|jahl|bilan\s+(?:urish|gaplash|ajrash|tanish|uchrash|yasha|turmush|birga|janjal|kelish|don)|hech\s+qanday\s+ayb|ayb|menga\b|meni\b|mening\b|har\s+kuni|aka\b|opa\b|keldi|ketdi|dedi|kasal|vafot|aldadi|urdi"
    r"|телефон|қўнғироқ|айт|ёз|бер|пул|турмуш|уйлан|ишон|онаси|отаси|опаси|акаси|укаси|синглиси|эри\b|хотини|уйи|боласи|қизи|ўғли|дўсти|исми|сев|кўр|яхши\s+кўр|ёмон\s+кўр|учрат|чақир|кечир|хафа|ажраш|сўра|билан\s+(?:уриш|гаплаш|ажраш|таниш|учраш|яша|турмуш|бирга|жанжал)"
    r"|ҳеч\s+қандай\s+айб|менга\b|мени\b|менинг\b|ҳар\s+куни|ака\b|опа\b|келди|кетди|деди|касал|вафот)",
    re.IGNORECASE,
)


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
    if word.base and word.base not in _ABSTRACT and _DEALT_WITH.match(text, word.token.end) and _ending_fits(word):
        return 0.7
    if word.base and _SPEAKS.match(text, word.token.end) and not uz_words.common(word.key):
        return 0.7
    if family and not _russian(word):
        return 0.65
    return (
        0.6
        if not word.plain and len(word.key) > 4 and _LOOKS.fullmatch(word.latin) and not _place(word.latin) and not _russian(word)
        else 0.0
    )


def _cued(text: str, words: list[_Word], index: dict[int, int]) -> Iterator[int]:
    for match in _SELF_INTRODUCTION.finditer(text):
        number = index.get(match.end())
        if number is not None and _told(words[number]):
            yield number
    for match in _CALLED_AFTER.finditer(text):
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
            and (_KIN.fullmatch(before.latin) and (before.latin not in _BARE_KIN or before.latin in _KIN_ANY))
            and _after_kin(word)
        ):
            yield number
        elif after is not None and (_SON_OF.fullmatch(after.key) or _SON_OF.fullmatch(after.latin)):
            if (word.base and (not word.small or not word.ambiguous)) or (word.token.capitalised and not word.plain):
                yield number
        elif after is not None and _ADDRESS.fullmatch(after.latin) and _addressed(words, number):
            yield number


_BARE_KIN = frozenset(_KIN_STEM.split("|")) | {"oni", "eri"}


def _told(word: _Word) -> bool:
    """After "ismim" anything may follow that is no function word."""
    if len(word.key) < 3 or word.latin in _STOP:
        return False
    return (
        bool(word.base)
        or uz_words.family_name(word.key) > 0
        or not word.plain
        or (word.token.capitalised and skeleton(word.latin) not in _FUNCTION)
    )


_FUNCTION = frozenset(skeleton(word) for word in _STOP)


def _after_kin(word: _Word) -> bool:
    if word.latin in _STOP or _KIN.fullmatch(word.latin):
        return False
    if word.base:
        # "onam mehribon", "erim jasur": in small letters an adjective as often as a name, unless an ending of a noun follows it
        return not word.small or not word.ambiguous or word.base not in _ADJECTIVES
    if word.token.capitalised:
        return not word.plain
    return uz_words.family_name(word.key) > 0 or (not word.plain and _LOOKS.fullmatch(word.latin) is not None)


_ADJECTIVES = frozenset(
    skeleton(word) for word in "mehribon baxtiyor go'zal aziz mo'min nozik yorqin shirin muborak muqaddas kenja".split()
)


_CASE_ENDING = re.compile(r"(?:da|dan|ga|ni|ning)$")
_POSSESSED = re.compile(r"(?:ota|ona|aka|opa|uka|bobo|buvi|xola|amaki|tog'a|amma|aya|oyi|kelin|ustoz|domla)(?:m|im|ng|ing|si|lari)")


def _addressed(words: list[_Word], number: int) -> bool:
    """A name before "opa" or "aka" (not "katta opa", "mening opam")."""
    word = words[number]
    if word.latin in _STOP or _KIN.fullmatch(word.latin):
        return False
    if word.base:
        return not word.latin.endswith(("ning", "ga", "dan")) or not word.small
    if _CASE_ENDING.search(word.latin) or _POSSESSED.fullmatch(words[number + 1].latin):
        return False
    if word.key.isascii() and lexicon.is_ordinary(word.key):
        return False
    return not word.plain and (word.token.capitalised or _LOOKS.fullmatch(word.latin) is not None) and not word.latin.endswith("ning")


def _extend(words: list[_Word], number: int) -> tuple[int, int]:
    first = last = number
    while last + 1 < len(words) and last - first < 4 and _adjacent(words, last) and _part(words[last + 1], words[last], after=True):
        last += 1
    while first > 0 and last - first < 4 and _adjacent(words, first - 1) and _part(words[first - 1], words[first], after=False):
        first -= 1
    return first, last


def _part(word: _Word, beside: _Word, after: bool) -> bool:
    if len(word.key) < 2 or word.latin in _STOP:
        return False
    if _SON_OF.fullmatch(word.latin) or _SON_OF.fullmatch(word.key):
        return after
    if word.small != beside.small and not (word.token.shouted or beside.token.shouted):
        return False
    if word.base:
        return (not word.small or not word.ambiguous or uz_words.family_name(beside.key) > 0) and not (
            not after and word.token.initial and word.ambiguous and not word.small
        )
    if uz_words.family_name(word.key) or _PATRONYMIC.fullmatch(word.latin):
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
    return number > 0 and (words[number - 1].token.word.islower() or words[number - 1].latin in _STOP)


def _adjacent(words: list[_Word], number: int) -> bool:
    return words[number + 1].token.before in {" ", "  "}


def _near(words: list[_Word], number: int) -> bool:
    return words[number + 1].token.before in {" ", "  ", "-"}
