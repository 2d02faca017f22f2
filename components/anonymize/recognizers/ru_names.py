"""Names in Russian talk: full, short and pet names, patronymics, family names, initials, in any case form and in small letters, too."""

import re
from collections.abc import Iterator

from components.anonymize.document import Document
from components.anonymize.inflection import word_list
from components.anonymize.recognizers import uz_words
from components.anonymize.recognizers.base import Finding, Recognizer
from components.anonymize.recognizers.ru_words import capitalised_words, cases_of, family_forms, listed_name, look_up, town_forms
from components.anonymize.tokens import Token

_KIN = (
    r"муж(?:а|у|ем|е)?|жен(?:а|ы|е|у|ой|ою)|мам(?:а|ы|е|у|ой)|пап(?:а|ы|е|у|ой)|мат(?:ь|ери|ерью)|от(?:ец|ца|цу|цом|це)|брат(?:а|у|ом|е|ик|ика|ику|иком)?|сестр(?:а|ы|е|у|ой)|сестр[её]нк[аеуи]|сын(?:а|у|ом|е|ок|очек)?|доч(?:ь|ери|ерью|ка|ки|ке|ку|кой|енька|еньку)"
    r"|дяд(?:я|и|е|ю|ей)|т[её]т(?:я|и|е|ю|ей|ка|ку|ке|кой)|бабушк(?:а|и|е|у|ой)|баб[аеуы]|дедушк(?:а|и|е|у|ой)|дед(?:а|у|ом)?|внук(?:а|у|ом)?|внучк(?:а|и|е|у|ой)|племянни(?:к|ка|ку|ком|ца|цы|це|цу|цей)|свекров(?:ь|и|ью)|св[её]к(?:ор|ра|ру|ром)|т[её]щ(?:а|и|е|у|ей)|тест(?:ь|я|ю|ем)"
    r"|зят(?:ь|я|ю|ем)|невестк(?:а|и|е|у|ой)|друг(?:а|у|ом|е)?|подруг(?:а|и|е|у|ой)|подружк(?:а|и|е|у|ой)|парн(?:ь|я|ю|ем|е)|парень|девушк(?:а|и|е|у|ой)|бывш(?:ий|его|ему|им|ая|ей|ую)|сосед(?:а|у|ом|ка|ки|ке|ку|кой)?|коллег(?:а|и|е|у|ой)|начальни(?:к|ка|ку|ком|ца|цы|це|цу|цей)"
    r"|руководител(?:ь|я|ю|ем)|директор(?:а|у|ом)?|шеф(?:а|у|ом)?|босс(?:а|у|ом)?|врач(?:а|у|ом)?|доктор(?:а|у|ом)?|психолог(?:а|у|ом)?|психиатр(?:а|у|ом)?|терапевт(?:а|у|ом)?|психотерапевт(?:а|у|ом)?|учител(?:ь|я|ю|ем)|учительниц(?:а|ы|е|у|ей)|воспитательниц(?:а|ы|е|у|ей)"
    r"|преподавател(?:ь|я|ю|ем)|тренер(?:а|у|ом)?|репетитор(?:а|у|ом)?|кот(?:а|у)?|кошк(?:а|и|е|у)|собак(?:а|и|е|у)|п[её]с|реб[её]н(?:ок|ка|ку|ком)|однокласс?ни(?:к|ка|ку|ком|ца|цы|це|цу|цей)|одногруппни(?:к|ка|ку|ком|ца|цы|це|цу|цей)|господин(?:а|у|ом)?|госпож(?:а|и|е|у|ой)|гражданин|гражданка"
    r"|пациент(?:а|у|ом|ка|ки|ке|ку|кой)?|клиент(?:а|у|ом|ка|ки|ке|ку|кой)?|медсестр(?:а|ы|е|у|ой)|мужчин(?:а|у)|женщин(?:а|у)|мальчик(?:а)?|девочк(?:а|у)|отчим(?:а|у|ом)?|мачех(?:а|и|е|у|ой)|крестн(?:ый|ая)|кум(?:а|у)?|опекун|куратор(?:а|у|ом)?|завуч(?:а|у|ем)?"
)
_CALLED = re.compile(
    r"\b(?:зовут|звать|звали|назвали|называют|называйте|зови(?:те)?|кличут|имя|имени|имен[ие]м|имечко|фамилия|фамилию|фамилии|фамилией|фамилиею|отчество|фио|ф\.и\.о\.?|ник|прозвище)"
    r"(?:\s+(?:меня|его|е[её]|их|нас|мой|моя|моего|моё|мое|мою|было|была|просто|все|его|этого|человека|человек|у\s+(?:меня|него|не[её])|пациента|пациентки|клиента|клиентки|мужа|жены|мамы|папы|сына|дочери|дочку|брата|сестры|сестру|подруги|подругу|друга|парня|девушку|матери|отца))?\s*(?:[:,=—-]+\s*)?(?:это\s+)?[\"'(]*(?=[^\W\d_])",
    re.IGNORECASE,
)
_MEANT = re.compile(rf"\b(?:{_KIN})\s*(?:[,:(—-]\s*|\s(?:мо[йяею]|моего|моему|моей|по\s+имени)\s+)?\s*[\"']?(?=[^\W\d_])", re.IGNORECASE)
_SELF = re.compile(
    r"\b(?:я|это|с\s+вами|вам\s+пишет|пишет|меня|от|привет|приветик|здравствуйте|здравствуй|добрый\s+(?:день|вечер)|доброе\s+утро|спасибо|уважением|дорог(?:ой|ая)|милая?|уважаем(?:ый|ая)|пока|ваша?)\s*[,!:—-]*\s+(?=[^\W\d_])",
    re.IGNORECASE,
)
_SIGNED = re.compile(
    r"\b(?:с\s+уважением|ваша?|подпись|целую|обнимаю)\s*[,:—-]?\s*(?=[^\W\d_]+(?:\s+[^\W\d_]+){0,2}\s*[.!)]*\s*(?:$|[\n␞]))", re.IGNORECASE
)
_WITH = {
    "ablt": re.compile(
        r"\b(?:поругал\w+|поссорил\w+|помирил\w+|рас(?:стал|ста[её]|хожу|ходим|ходил)\w*|встреча\w+|встретил\w+|познакомил\w+|разговари\w+|разговор|говорил[аи]?|поговорил[аи]?|общал\w+|общаюсь|переписыва\w+|дружу|дружил[аи]?|жив[уеё]\w*|жил[аи]?|развел\w+|развод\w*|гуля\w+|мы|я|сид\w+|работа\w+|сплю|спал\w*|созвони\w+|виде?л\w+сь)\s+(?:\w+\s+)?со?\s+(?=[^\W\d_])",
        re.IGNORECASE,
    ),
    "datv": re.compile(
        r"\b(?:(?:по|до|пере)?звон\w+|(?:на)?писал[аи]?|(?:на)?пишу|скаж\w+|сказал[аи]?|говорил[аи]?|рассказ\w+|ответил[аи]?|передай\w*|помог(?:аю|ла|ли)?|верю|доверяю|изменил[аи]?|завиду\w+|отдал[аи]?|подарил[аи]?|купил[аи]?|призна\w+|благодар\w+|к)\s+(?=[^\W\d_])",
        re.IGNORECASE,
    ),
    "accs": re.compile(r"\b(?:любл\w+|полюбил[аи]?|ненавижу|бросил[аи]?|жду|встретил[аи]?|видел[аи]?|увидел[аи]?|обидел[аи]?|люби[лт]\w*|родил[аи]?|поцелова\w+|вижу|обнял[аи]?|попросил[аи]?|спросил[аи]?|на|за|про|ревну\w+|скучаю\s+по)\s+(?=[^\W\d_])", re.IGNORECASE),
    "gent": re.compile(r"\b(?:у|от|без|для|из-за|после|до|около|не\s+(?:люблю|видел[аи]?|хочу))\s+(?=[^\W\d_])", re.IGNORECASE),
    "nomn": re.compile(r"\b(?:пришл?[аи]?|приш[её]л|уш[её]л|ушла|у?ехал[аи]?|приехал[аи]?|позвонил[аи]?|написал[аи]?|сказал[аи]?|умерл?[аи]?|умер|бросил[аи]?|обидел[аи]?|изменил[аи]?|предал[аи]?|предложил[аи]?|говорит|пишет|звонит|молчит|кричит)\s+(?=[^\W\d_])", re.IGNORECASE),
}  # fmt: skip
_SPEAKS = re.compile(
    r",?\s+(?:(?:мне|меня|мой|моя|мо[её]|снова|опять|вчера|сегодня|уже|всё|все|так|тоже|не|даже|потом|вдруг|однажды|и\s+я|со\s+мной|очень)\s+){0,2}(?:сказал|говорит|говорил|(?:не\s+)?отвечает|советует|критикует|позвонил|звонит|звонил|написал|пишет|ответил|спросил|предложил|попросил|обещал|уехал|приехал|пришл|приш[её]л|уш[её]л|ушл|родил|женил|вышла\s+замуж|работает|учится|умер|кричит|кричал|молчит|плачет|пь[её]т|изменил|бросил|ударил|обидел|простил|познаком|знает|думает|хочет|просит|живет|живёт|ревнует|помогает|заболел|\w+ся\b)",
    re.IGNORECASE,
)
_ABSTRACT = re.compile(r"(?:вер|надежд|любов|слав|мир|жен|муз|побед|весн|розы?|свобод)(?:а|ы|е|у|ой|ою|ь|и|ью|ам|ах)?$")
_SPEECH = re.compile(
    r"\s+(?:мне\s+|снова\s+|вчера\s+)?(?:сказала|говорит|(?:не\s+)?отвечает|позвонила|звонит|написала|пишет|ответила|спросила|предложила|попросила|обещала|родила|вышла\s+замуж|уволилась|развелась)",
    re.IGNORECASE,
)
_INITIALS = re.compile(
    r"(?P<family>(?<![\w-])[А-ЯЁ][а-яё]+(?:-[А-ЯЁ][а-яё]+)?)\s[А-ЯЁ]\.(?:\s?[А-ЯЁ]\.)?|(?<![\w.])[А-ЯЁ]\.\s?(?:[А-ЯЁ]\.\s?)?(?P<after>[А-ЯЁ][а-яё]{2,}(?:-[А-ЯЁ][а-яё]+)?)"
    r"|(?P<small>(?<![\w-])[а-яё]{3,})\s[а-яё]\.\s?[а-яё]\.(?!\w)|(?<![\w.])[а-яё]\.\s?[а-яё]\.\s?(?P<smallafter>[а-яё]{4,})"
)
_FAMILY_LIKE = re.compile(
    r".{3,}(?:[оеё]в|[иы]н)(?:а|у|ым|е|ой|ых|ы|ыми)?$|.{2,}[сц]к(?:ий|ого|ому|им|ом|ая|ой|ую|их|ие)$|.{3,}(?:енко|чук|юк|щук|швили|дзе|ук|як)(?:а|у|ом|е)?$|.{3,}[ая]н(?:а|у|ом|е)?$|.{3,}[иы]х$"
)
_FAMILY_ENDING = re.compile(r".{3,}(?:[оеё]в|[иы]н)(?:а|у|ым|е|ой|ых)?")
_DITHEMATIC = re.compile(r".{3,}(?:слав|мир|мысл|гост|полк|град)(?:а|у|ом|е|ы|ой)?")
_PATRONYMIC_LIKE = re.compile(r".{2,}(?:[оеё]вич|ич)(?:а|у|ем|е|и)?$|.{3,}(?:[оеё]вн|ичн)(?:а|ы|е|у|ой|ою)$")
_EASTERN = re.compile(
    r".{2,}(?:бек|жон|джон|хон|гуль|нур|ддин|улла|шод|зод|зода|мурод|мурад|нисо|бону|ноза|хужа|ходжа|мирза|бой|мухаммад|ахмад|гюль|гал[иы]|бай|оглы|заде)(?:а|у|ом|ем|е|ы|и|ой|ю|я)?$"
)
_SON_OF = frozenset({"оглы", "углы", "угли", "ўғли", "огли", "кызы", "кизи", "қизи", "улы", "угл"})
_STOP = frozenset(word_list("ru_function_words"))
_SLANG = frozenset(word_list("ru_slang"))
_SHORT = frozenset(word_list("ru_short_names"))


class RussianNameRecognizer(Recognizer):
    """Names of people in Cyrillic Russian; the dictionary and the lists say what a word is, cues and capitals what is meant."""

    TYPE = "PERSON"

    def applies(self, document: Document) -> bool:
        """Cyrillic letters occur."""
        return document.has_cyrillic

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield names: 0.9 after a cue, 0.8 by list, 0.7 by initials, 0.6 by a capital or an ending alone."""
        text, tokens = document.text, document.tokens
        words = [_Word(token) for token in tokens]
        index = {token.start: number for number, token in enumerate(tokens)}
        uzbek = uz_words.speaks_uzbek(document.folded)
        seeds = {
            number: score
            for number in range(len(words))
            if words[number].cyrillic
            for score in [_score(text, words, number, uzbek)]
            if score
        }
        for number in _cued(text, words, index, uzbek):
            seeds[number] = 0.9
        covered = -1
        for number in sorted(seeds):
            if number <= covered:
                continue
            first, last = _extend(words, number)
            covered = last
            yield tokens[first].start, tokens[last].end, max(seeds.get(other, 0.0) for other in range(first, last + 1))
        yield from _with_initials(text)


class _Word:
    """A token with its Russian key."""

    __slots__ = ("cyrillic", "key", "small", "token")

    def __init__(self, token: Token) -> None:
        self.token = token
        self.key = token.key.replace("ё", "е")
        self.cyrillic = "Ѐ" <= self.key[0] <= "ӿ"
        self.small = not token.capitalised


def _score(text: str, words: list[_Word], number: int, uzbek: bool) -> float:
    """Say how surely a word is a name by itself."""
    word = words[number]
    key = word.key
    if len(key) < (3 if word.small else 2) or (key in _STOP and (word.small or word.token.initial or not listed_name(key))):
        return 0.0
    if "-" in key:
        return _compound(words, number)
    if uzbek and (word.small or not listed_name(key)) and uz_words.common(key):
        return 0.0
    if uzbek and (word.small or word.token.initial) and (base := uz_words.name_base(key)) and uz_words.ambiguous(base):
        return 0.0  # the Uzbek rules decide
    entry = look_up(key)
    if word.small:
        if key in _SLANG:
            return 0.0
        if entry.given >= 0.5 and entry.other < 0.5 and entry.given > entry.place and (len(key) > 3 or key in _SHORT):
            return 0.8
        if entry.patronymic >= 0.5 or (not entry.known and _PATRONYMIC_LIKE.fullmatch(key) and entry.other < 0.3):
            return 0.8
        if entry.known and entry.family >= 0.75 and entry.other < 0.2:
            return 0.75
        if (
            listed_name(key)
            and (entry.other < 0.97 or _SPEECH.match(text, word.token.end))
            and not _ABSTRACT.fullmatch(key)
            and _SPEAKS.match(text, word.token.end)
            and "nomn" in entry.cases
        ):
            return 0.7
        if _ABSTRACT.fullmatch(key) and "nomn" in entry.cases and _SPEECH.match(text, word.token.end):
            return 0.7
        return 0.6 if not entry.known and len(key) >= 5 and (_EASTERN.fullmatch(key) or _DITHEMATIC.fullmatch(key)) else 0.0
    if key in capitalised_words():
        return 0.0
    if word.token.initial:
        return _leading(text, words, number)
    town = town_forms().get(key)
    if town is False and entry.given + entry.patronymic < 0.3:
        return 0.0
    if entry.name > 0.02 or listed_name(key) or key in family_forms():
        return 0.8 if _lower_before(words, number) or entry.name >= 0.5 else 0.0 if entry.other >= 0.5 else 0.6
    if town is None and len(key) > 4 and _lower_before(words, number) and _FAMILY_ENDING.fullmatch(key):
        return 0.6  # an ordinary word by its form (ситниковой, зыков), but its capital says otherwise
    place = town is not None or entry.place >= 0.3 or (number > 0 and words[number - 1].key in {"в", "во", "из", "под", "около", "на"})
    return 0.6 if not entry.known and entry.nominal and not place and _lower_before(words, number) and len(key) > 3 else 0.0


def _leading(text: str, words: list[_Word], number: int) -> float:
    """A capitalised word at the head of a sentence: its capital says nothing."""
    word = words[number]
    entry = look_up(word.key)
    if (entry.given >= 0.5 and entry.other < 0.5 and entry.given > entry.place) or entry.patronymic >= 0.5:
        return 0.8
    if entry.known and entry.family >= 0.6 and entry.other < 0.4:
        return 0.75
    follower = words[number + 1] if number + 1 < len(words) and _adjacent(words, number) else None
    possible = entry.name > 0.01 or listed_name(word.key)
    if follower is not None and follower.token.capitalised and (possible or not entry.known):
        after = look_up(follower.key)
        if after.name >= 0.3 or (not after.known and (_FAMILY_LIKE.fullmatch(follower.key) or _PATRONYMIC_LIKE.fullmatch(follower.key))):
            return 0.8
    if possible and "nomn" in entry.cases:
        speaks = _SPEECH if _ABSTRACT.fullmatch(word.key) else _SPEAKS
        if speaks.match(text, word.token.end):
            return 0.75
    if (
        not entry.known
        and len(word.key) > 4
        and (_EASTERN.fullmatch(word.key) or (_FAMILY_LIKE.fullmatch(word.key) and entry.family >= 0.5))
    ):
        return 0.6
    return 0.6 if not entry.known and entry.nominal and word.key not in _SLANG and _SPEAKS.match(text, word.token.end) else 0.0


def _compound(words: list[_Word], number: int) -> float:
    """Hyphenated words: a double name, a name with a particle (``Маша-то``), a double family name."""
    parts = words[number].key.split("-")
    entries = [look_up(part) for part in parts if len(part) > 2]
    if not entries:
        return 0.0
    if entries[0].given >= 0.5 and entries[0].other < 0.5:
        return 0.8
    family = [entry.family >= 0.3 or _FAMILY_LIKE.fullmatch(part) for entry, part in zip(entries, parts, strict=False)]
    if words[number].token.capitalised and all(family) and len(entries) == len(parts) > 1:
        return 0.75
    return 0.0


def _cued(text: str, words: list[_Word], index: dict[int, int], uzbek: bool) -> Iterator[int]:
    """Names that a phrase announces."""
    for match in _CALLED.finditer(text):
        number = index.get(match.end())
        if number is not None and _announced(words[number], strict=match.group().casefold().startswith(("ник", "имен"))):
            yield number
    for match in _MEANT.finditer(text):
        number = index.get(match.end())
        if number is not None and _after_kin(words, number, match.group(), uzbek):
            yield number
    for match in _SELF.finditer(text):
        number = index.get(match.end())
        if (
            number is not None
            and words[number].cyrillic
            and words[number].token.capitalised
            and words[number].key not in capitalised_words()
        ):
            entry = look_up(words[number].key)
            if words[number].key not in _STOP and (
                entry.given > 0.02 or (not entry.known and len(words[number].key) > 3 and entry.nominal)
            ):
                yield number
    for match in _SIGNED.finditer(text):
        number = index.get(match.end())
        if number is not None and words[number].cyrillic and (listed_name(words[number].key) or look_up(words[number].key).name > 0.02):
            yield number
    for case, pattern in _WITH.items():
        for match in pattern.finditer(text):
            number = index.get(match.end())
            if number is not None and _in_case(words[number], case):
                yield number


def _announced(word: _Word, strict: bool) -> bool:
    """After "зовут" anything may follow that is no function word; small letters ask for a name, or for no word of the dictionary."""
    if not word.cyrillic or word.key in _STOP or len(word.key) < 2:
        return False
    entry = look_up(word.key)
    if entry.name > 0.0 or listed_name(word.key) or uz_words.name_base(word.key):
        return True
    if word.token.capitalised:
        return (not entry.known or entry.nominal) and not strict
    return not entry.known and entry.nominal and word.key not in _SLANG and len(word.key) > 2


def _after_kin(words: list[_Word], number: int, kin: str, uzbek: bool) -> bool:
    word = words[number]
    if not word.cyrillic or word.key in _STOP or len(word.key) < 3 or word.key in _SLANG or (uzbek and uz_words.common(word.key)):
        return False
    entry = look_up(word.key)
    if word.token.capitalised:
        return word.key not in capitalised_words() and (entry.name > 0.01 or listed_name(word.key) or (not entry.known and entry.nominal))
    if entry.other < 0.5 and (entry.given > 0.05 or listed_name(word.key)):
        return True
    if "," in kin or ":" in kin:
        return False
    agrees = bool(cases_of(re.split(r"\W+", kin.casefold())[0]) & entry.cases)
    if (entry.given > 0.0 or listed_name(word.key)) and agrees:
        return not (_ABSTRACT.fullmatch(word.key) and "nomn" not in entry.cases) and not word.key.startswith("жен")
    if (entry.family >= 0.3 or word.key in family_forms()) and agrees and number + 1 < len(words):
        after = look_up(words[number + 1].key)
        if after.given >= 0.5 or (listed_name(words[number + 1].key) and after.cases & entry.cases):
            return True
    return not entry.known and entry.nominal and len(word.key) >= 4 and _EASTERN.fullmatch(word.key) is not None


def _in_case(word: _Word, case: str) -> bool:
    """After a verb of dealing with people a name that is also a word counts in the right case."""
    if not word.cyrillic or word.key in _STOP or len(word.key) < 3 or not word.small:
        return False
    if _ABSTRACT.fullmatch(word.key) and (case != "datv" or word.key.startswith("жен")):
        return False
    entry = look_up(word.key)
    if not listed_name(word.key) or case not in entry.cases:
        return False
    return entry.given >= 0.02 and (entry.other < 0.75 if case in {"gent", "accs", "nomn"} else entry.other < 0.995)


def _extend(words: list[_Word], number: int) -> tuple[int, int]:
    """Grow a name over the neighbouring parts written alike."""
    first = last = number
    while last + 1 < len(words) and last - first < 4 and _adjacent(words, last) and _part(words[last + 1], words[last], after=True):
        last += 1
    while first > 0 and last - first < 4 and _adjacent(words, first - 1) and _part(words[first - 1], words[first], after=False):
        first -= 1
    return first, last


def _part(word: _Word, beside: _Word, after: bool) -> bool:
    """Say whether a word beside a name belongs to it."""
    key = word.key
    if not word.cyrillic or key in _STOP or len(key) < 2:
        return False
    if key in _SON_OF:
        return after
    if word.small != beside.small:
        return False
    entry = look_up(key)
    if entry.patronymic > 0.0 or _PATRONYMIC_LIKE.fullmatch(key):
        return entry.other < 0.5 or not entry.known
    family = entry.family > 0.0 or key in family_forms() or (not entry.known and _FAMILY_LIKE.fullmatch(key) is not None)
    if not word.small:
        if not after and word.token.initial and entry.known and entry.name < 0.3:
            return (listed_name(key) and entry.other < 0.9) or (
                _FAMILY_ENDING.fullmatch(key) is not None and look_up(beside.key).given >= 0.5
            )
        if _FAMILY_ENDING.fullmatch(key) and not word.token.initial:
            return True
        return (key not in capitalised_words() or listed_name(key)) and (
            family or entry.given > 0.0 or listed_name(key) or (not entry.known and len(key) > 2)
        )
    neighbour = look_up(beside.key)
    if family and (entry.family >= 0.1 or not entry.known or (key in family_forms() and entry.other < 0.9)):
        return True
    if _FAMILY_ENDING.fullmatch(key) and entry.known and not entry.short and (neighbour.given >= 0.5 or neighbour.patronymic >= 0.5):
        return "nomn" in neighbour.cases or not key.endswith(("ов", "ев", "ин"))  # мясников платон: by its form a plural
    if (entry.given > 0.0 or listed_name(key)) and (neighbour.family >= 0.5 or neighbour.patronymic >= 0.5):
        return True
    return (entry.given >= 0.3 or listed_name(key)) and entry.other < 0.7


def _with_initials(text: str) -> Iterator[Finding]:
    for match in _INITIALS.finditer(text):
        name = match["family"] or match["after"] or match["small"] or match["smallafter"]
        key = name.casefold().replace("ё", "е").split("-")[0]
        entry = look_up(key)
        if key in _STOP or key in capitalised_words() or (name.islower() and entry.family < 0.3 and key not in family_forms()):
            continue
        if entry.name > 0.0 or key in family_forms() or not entry.known or _FAMILY_LIKE.fullmatch(key) or match.group().count(".") > 1:
            yield match.start(), match.end(), 0.7


def _lower_before(words: list[_Word], number: int) -> bool:
    """The word before is written small, or nothing in the sentence is: no heading in capitals."""
    return number > 0 and (
        words[number - 1].token.word.islower() or words[number - 1].key in {"я", "и", "а"} or words[number - 1].token.initial
    )


def _adjacent(words: list[_Word], number: int) -> bool:
    return words[number + 1].token.before in {" ", "  "}
