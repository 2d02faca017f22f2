"""What the lists know of an Uzbek word in either alphabet: a name with what endings, an ordinary word, or neither."""

import re
from functools import cache, lru_cache

from components.anonymize import lexicon
from components.anonymize.inflection import uzbek_names, word_list
from components.anonymize.uz_suffixes import CHAIN, skeleton, to_latin

_FUNCTION_WORDS = frozenset(
    "va bu men sen siz biz ular uchun bilan ham emas yo'q lekin ammo chunki nima kim qanday qachon juda hech har edi ekan esa agar yoki mening sening uning bizning menga senga unga meni seni uni"
    " keyin oldin kerak mumkin deb kabi haqida o'zim hozir bugun kecha ertaga yaxshi yomon rahmat salom iltimos menda shu shunday faqat yana doim hamma ismim ismi raqamim telefonim opam akam ukam singlim onam"
    " otam dadam oyim erim xotinim qizim o'g'lim do'stim dugonam bo'ldi qildi keldi ketdi dedi yashayman ishlayman yoshdaman tug'ilganman maktab tumani ko'chasi pasportim kartam pinfl jshshir stir".split()
)
_SPECIAL = re.compile("[ўқғҳ]")
_CYRILLIC_HINT = frozenset(
    "ва бу мен сен сиз биз улар учун билан хам эмас йук лекин аммо чунки нима ким кандай качон жуда хеч хар эди экан агар ёки менинг менга унга мени уни кейин олдин керак хозир бугун кеча яхши ёмон рахмат исмим"
    " исми опам акам укам синглим онам отам дадам ойим эрим хотиним кизим дустим дугонам келди кетди деди булди килди яшайман ишлайман".split()
)
_FAMILY = re.compile(r"(?P<stem>[a-z']{3,}?)(?:y?ev|ov|yov|in)(?:a|lar|alar)?$")
_FAMILY_CYRILLIC_ENDING = re.compile(r"[а-яёўқғҳ]{2,}(?:[оеё]в|ин)(?:а|лар)?$")


@lru_cache(maxsize=16)
def speaks_uzbek(folded: str) -> bool:
    """Say whether a text (lower case) may hold Uzbek in either alphabet: cheap, and true rather than false in doubt."""
    if "o'" in folded or "g'" in folded or _SPECIAL.search(folded):
        return True
    words = set(re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*", folded))
    return not words.isdisjoint(_FUNCTION_WORDS) or not words.isdisjoint(_CYRILLIC_HINT)


@lru_cache(maxsize=131072)
def name_base(word: str) -> str | None:
    """Return the skeleton of the listed given name that a word (lower case, either alphabet) is, endings stripped; None where it is none."""
    latin = word if word.isascii() else to_latin(word)
    names = uzbek_names()
    whole = skeleton(latin)
    if len(latin) >= 3 and whole in names:
        return whole
    for length in range(len(latin) - 1, 2, -1):
        stem = skeleton(latin[:length])
        if stem in names and CHAIN.fullmatch(latin, length) and (length > 3 or stem in _SHORT):
            return stem
    return None


_SHORT = frozenset({"ali", "vali", "lola"})


@cache
def _ambiguous() -> frozenset[str]:
    return frozenset(skeleton(word) for word in word_list("uz_ambiguous_names")) | (_common() & uzbek_names())


@cache
def _common() -> frozenset[str]:
    return frozenset(skeleton(word) for word in word_list("uz_words"))


def ambiguous(base: str) -> bool:
    """Say whether the skeleton of a name is also an ordinary word."""
    return base in _ambiguous()


_VERBAL = re.compile(
    r"(?:yapman|yapsan|yapti|yapmiz|yapsiz|moqda|moqchi|yotgan|ganman|gansan|ganim|gani|ganda|gandan|gach|guncha|maydi|mayman|maysiz|mayapti|mayapman|maslik|ishga|ishim|ishi|ishni|ishdan|ish|dim|ding|dik|dingiz|dilar|di"
    r"|aman|asan|adi|amiz|asiz|adilar|yman|ysan|ydi|ymiz|ysiz|sam|sang|sa|sak|sangiz|salar|ib|gan|kan|qan|mas|may|masdan|gin|inglar|ing|siz|lik|likdan|chilik|li|roq|mi|dagi|larcha|cha|dek|day|man|san|miz|lari|larim|lar)$"
)
"""Endings of verbs and derived words; a small or leading word with one is taken for no name unless a list says so."""


@lru_cache(maxsize=131072)
def common(word: str) -> bool:
    """Say whether a word (lower case, either alphabet) is an ordinary Uzbek word by list, after its endings, or by an ending of verbs."""
    latin = word if word.isascii() else to_latin(word)
    if skeleton(latin) in _common() or (word.isascii() and (lexicon.is_ordinary(word) or lexicon.is_capitalised_word(word))):
        return True
    for length in range(len(latin) - 1, 1, -1):
        if CHAIN.fullmatch(latin, length) and skeleton(latin[:length]) in _common():
            return True
    return len(latin) > 4 and _VERBAL.search(latin) is not None


@lru_cache(maxsize=131072)
def family_name(word: str) -> float:
    """Say how surely a word (lower case, Latin or Uzbek Cyrillic, endings stripped) is a family name: 0, 0.6 by its ending, 0.9 by a known stem."""
    latin = word if word.isascii() else to_latin(word)
    best = 0.0
    for length in range(len(latin), 5, -1):
        if length < len(latin) and not CHAIN.fullmatch(latin, length):
            continue
        match = _FAMILY.fullmatch(latin, 0, length)
        if match is None or skeleton(latin[:length]) in _common():
            continue
        stem = skeleton(match["stem"])
        if stem in uzbek_names() or (word.isascii() and lexicon.is_family_name(latin[:length]) and latin.endswith(("ov", "ova", "ev", "eva"), 0, length)):
            return 0.9
        if not latin[:length].endswith(("in", "ina")) and (length >= 6):
            best = max(best, 0.6)
    if re.search(r"(?:zoda|zodalar)(?:ning|ga|ni|dan|da)?$", latin) and len(latin) > 6:
        return 0.9
    return best
