"""Which of the languages that Attune knows a text is written in: by script, then by its most frequent words.

Uzbek is written in Latin and in Cyrillic letters; both count as Uzbek. Character models of the usual libraries either lack Uzbek or take it
for Turkish on short turns; function words decide most turns of chat from three words on.
"""

import re
from dataclasses import dataclass
from typing import Literal

from components.shared.normalize import normalize

Language = Literal["en", "ru", "uz"]
Script = Literal["latin", "cyrillic"]

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_FUNCTION_WORDS: dict[tuple[Language, Script], frozenset[str]] = {
    ("en", "latin"): frozenset(
        "the a an and or but if of to in on at for with from by as is are was were be been am i you he she it we they me my your his her our their this that these those not no do does did have has had will would can could should just so very really what when where who how why all about there then because like know feel think want get got go don't i'm it's that's can't didn't".split()  # noqa: E501, SIM905 - a list of words is read as words
    ),
    ("ru", "cyrillic"): frozenset(
        "и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по только ее мне было вот от меня еще нет о из ему теперь когда даже ну ли если уже или ни быть был него до вас они тут где есть надо для мы тебя их чем была сам чтоб без будто чего раз тоже себя под будет ж кто этот того потому этого какой мой моя мои очень это эта просто чувствую знаю могу хочу меня зовут после можно".split()  # noqa: E501, SIM905
    ),
    ("uz", "latin"): frozenset(
        "va bu men sen siz u biz ular uchun bilan ham emas bor yo'q lekin ammo chunki nima kim qanday qachon qayerda juda hech har bir edi ekan esa agar yoki mening sening uning bizning menga senga unga meni seni uni keyin oldin kerak mumkin deb kabi haqida o'zim o'z hozir bugun kecha ertaga yaxshi yomon rahmat salom iltimos menda shu shunday faqat yana doim hamma qilish qildim bo'ldi bo'lib bo'lgan his qilyapman".split()  # noqa: E501, SIM905
    ),
    ("uz", "cyrillic"): frozenset(
        "ва бу мен сен сиз у биз улар учун билан ҳам эмас бор йўқ лекин аммо чунки нима ким қандай қачон қаерда жуда ҳеч ҳар бир эди экан эса агар ёки менинг сенинг унинг бизнинг менга сенга унга мени сени уни кейин олдин керак мумкин деб каби ҳақида ўзим ўз ҳозир бугун кеча эртага яхши ёмон раҳмат салом илтимос менда шу шундай фақат яна доим ҳамма қилиш қилдим бўлди бўлиб бўлган ҳис".split()  # noqa: E501, SIM905
    ),
}
_UZBEK_CYRILLIC = re.compile("[ўқғҳ]")
_RUSSIAN_ONLY = re.compile("[ыщ]")
_UZBEK_LATIN = re.compile(r"\b\w*(?:o'|g')\w*|\b\w+(?:ning|larni|lari|imiz|ingiz|yapman|yapti|dan|ganman|moqda|sizlar)\b")


@dataclass(frozen=True)
class Detected:
    """What a text is written in; None where nothing tells."""

    language: Language | None
    script: Script | None
    confidence: float
    """Share of the votes for the language, 0-1."""


def detect(text: str) -> Detected:
    """Say what a text is written in. A few letters, figures or names alone give no language."""
    folded = normalize(text).text.casefold()
    words = _WORD.findall(folded)
    cyrillic = sum("Ѐ" <= word[0] <= "ӿ" for word in words)
    latin = sum(word[0].isascii() or "À" <= word[0] <= "ɏ" for word in words)
    if not cyrillic and not latin:
        return Detected(None, None, 0.0)
    script: Script = "cyrillic" if cyrillic > latin else "latin"
    votes: dict[Language, float] = {}
    for (language, written), known in _FUNCTION_WORDS.items():
        if written == script:
            votes[language] = votes.get(language, 0.0) + sum(word in known for word in words)
    if script == "cyrillic":
        votes["uz"] += 2 * len(_UZBEK_CYRILLIC.findall(folded))
        votes["ru"] += 2 * len(_RUSSIAN_ONLY.findall(folded))
    else:
        votes["uz"] += len(_UZBEK_LATIN.findall(folded))
    total = sum(votes.values())
    if not total:
        return Detected(None, script, 0.0)
    best = max(votes, key=lambda language: votes[language])
    return Detected(best, script, votes[best] / total)
