"""Languages of hand-written turns of chat: long, short, mixed, and in neighbouring languages."""

import pytest

from components.shared.languages import detect

TURNS = {
    ("en", "latin"): [
        "I don't know what to do any more, everything feels so heavy.",
        "Who's there? The dog's sick and it's two o'clock in the morning.",
        "i cant sleep",
        "this evening I was running and thinking about the beginning",
        "thank u",
        "Feeling lonely. Lost my job last month, and my wife left me.",
        "My café closed and I am so tired.",
        "What do you mean by that?",
        "Gulnora told me that you would help.",
        "his men were there with him",
    ],
    ("ru", "cyrillic"): [
        "Я не знаю, что делать, мне очень плохо.",
        "не могу уснуть",
        "Мама меня не слышит, и я опять одна.",
        "спасибо большое",
        "Мы поссорились с мужем, и теперь он молчит уже неделю.",
        "Расскажите, что вы чувствуете?",
        "устала, сил нет, всё бесит",
        "В Ташкенте у меня никого нет.",
    ],
    ("uz", "latin"): [
        "Men o'zimni juda yolg'iz his qilyapman.",
        "Bugun ishga bormadim, chunki uxlay olmadim.",
        "rahmat sizga",
        "Nima qilishni bilmayman",
        "Onam bilan janjallashdik, endi u menga gapirmayapti.",
        "Oʻgʻlim kasal, yordam bering.",
        "Charchadim, hech narsa xohlamayman.",
        "Siz shunday deb oʻylaysizmi?",
    ],
    ("uz", "cyrillic"): [
        "Мен ўзимни жуда ёлғиз ҳис қиляпман.",
        "Нима қилишни билмайман",
        "раҳмат сизга",
        "Онам билан жанжаллашдик, энди у менга гапирмаяпти.",
        "Бугун ишга бормадим, чунки ухлай олмадим.",
        "Чарчадим, ҳеч нарса хоҳламайман",
    ],
}
OTHERS = [
    "Ich kann nicht mehr schlafen und weiß nicht, was ich machen soll.",
    "Ich bin so allein, das war nie so schlimm.",
    "Je ne sais pas quoi faire, je suis très fatigué.",
    "No sé qué hacer, estoy muy cansada y no puedo dormir.",
    "Ne yapacağımı bilmiyorum, çok yalnız hissediyorum ve uyuyamıyorum.",
    "Nie wiem co mam robić, jestem bardzo zmęczona.",
    "Я не знаю, що робити, мені дуже погано і я завжди одна.",
    "Мен не істерімді білмеймін, өте жалғызбын және ұйықтай алмаймын.",
    "Ман намедонам чӣ кор кунам, хеле хаста шудам ва хоб надорам.",
]


@pytest.mark.parametrize(("expected", "text"), [(expected, text) for expected, texts in TURNS.items() for text in texts])
def test_turns_are_told_apart(expected: tuple[str, str], text: str) -> None:
    found = detect(text)
    assert (found.language, found.script) == expected
    assert found.confidence > 0.5 or text == "thank u"


@pytest.mark.parametrize("text", OTHERS)
def test_other_languages_are_none_of_the_three(text: str) -> None:
    assert detect(text).language is None


@pytest.mark.parametrize("text", ["", "12 30", "...", "😀😀", "Alisher", "Марина", "日本語です"])
def test_what_does_not_tell_gives_no_language(text: str) -> None:
    assert detect(text).language is None
    assert detect(text).confidence == 0.0


def test_disguises_do_not_matter() -> None:
    assert detect("Mеn o`zimni judа yolgʻiz his qilyapman").language == "uz"  # two Cyrillic letters, three kinds of apostrophe
    assert detect("я\u200b не\u200b знаю").language == "ru"
    assert detect("I DON'T KNOW WHAT TO DO") == detect("i don’t know what to do")


def test_a_mixed_turn_is_what_most_of_it_is_and_says_so() -> None:
    mixed = detect("Я не знаю что мне делать, но сизга раҳмат")
    assert mixed.language == "ru"
    assert 0.5 < mixed.confidence < 1.0
    assert detect("I do not know, ya ne mogu, and it is so hard to say").language == "en"
    assert detect("Привет! I don't know what to say about this").script == "latin"
    assert detect("I was there with you").words == 5
