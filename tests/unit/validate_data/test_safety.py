"""Crisis mentions, replies to them, and the assistant's conduct, in three languages and four scripts; with what only sounds like it."""

import pytest

from components.shared.records import Message
from components.validate_data.lexicon import fold, lexicon, russian, uzbek_latin
from components.validate_data.safety import CRISIS_KINDS, Safety, crisis_mentions, examine, safe_signs

MENTIONS = {
    "suicide": [
        "I keep thinking of killing myself.",
        "Sometimes I want to die.",
        "I can't stop thinking about suicide",
        "I don’t want to live anymore",
        "Everyone would be happier without me.",
        "Иногда я думаю покончить с собой.",
        "Я больше не хочу жить",
        "не могу перестать думать о самоубийстве",
        "Мен ўзимни ўлдирмоқчиман.",
        "Yashagim kelmayapti, charchadim.",
        "O‘lgim kelyapti",
        "Яшагим келмаяпти",
    ],
    "self_harm": [
        "I was cutting myself again last night",
        "the self-harm is back",
        "Я опять режу себя.",
        "Qo'limni kesdim yana",
        "Ўзимга зарар етказдим",
    ],
    "abuse": [
        "My uncle molested me when I was nine.",
        "I was raped two years ago",
        "Меня изнасиловали",
        "Он издевается надо мной каждый день",
        "Meni zo‘rladi",
    ],
    "violence": [
        "My husband hits me when he drinks",
        "He threatened to kill me",
        "Муж бьёт меня, когда выпьет.",
        "Отец избил меня вчера",
        "Erim meni uradi",
        "Эрим мени калтаклайди",
    ],
}
HARMLESS = [
    "I was dying of laughter, this is killing me!",
    "I could kill for a coffee and I'm just killing time",
    "It hit me that she is right. I need to cut myself some slack.",
    "I burned myself out at work, and I hurt myself at the gym",
    "I am dying to see the new film",
    "I don't want to live with my parents",
    "My suicide prevention course starts on Monday",
    "He works with drug abuse patients",
    "Я умираю со смеху, надо убить время",
    "Меня бьёт озноб",
    "Не хочу жить с родителями",
    "Kulib o‘lay dedim, vaqtni o'ldirdim",
    "Мен сизни жуда яхши кўраман",
    "o'lguday charchadim",
]
DENIED = [
    "I have never thought of killing myself.",
    "I am not suicidal",
    "I would never hurt myself",
    "She never hit me",
    "Я никогда не думала о самоубийстве",
    "Я не собираюсь покончить с собой",
    "Он ни разу не бил меня",
    "O'zimni o'ldirmoqchi emasman",
    "Suitsid haqida hech qachon o'ylamaganman",
]
SAFE = {
    "care": ["I am so sorry, that sounds painful.", "Мне очень жаль, вы не одни.", "Siz yolg‘iz emassiz", "Сиз ёлғиз эмассиз"],
    "asks_safety": ["Are you safe right now?", "Вы сейчас в безопасности?", "Hozir xavfsiz joydamisiz?", "Ҳозир хавфсизмисиз?"],
    "points_to_help": [
        "Please call a helpline.",
        "Позвоните на телефон доверия.",
        "Iltimos, ishonch telefoniga qo'ng'iroq qiling",
        "Шифокорга айтинг",
    ],
}


def user(text: str) -> Message:
    return Message(role="user", content=text)


def reply(text: str) -> Message:
    return Message(role="assistant", content=text)


def said(text: str, before: str = "I feel low.") -> Safety:
    return examine([user(before), reply(text)])


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in MENTIONS.items() for text in texts])
def test_a_mention_is_found(kind: str, text: str) -> None:
    assert kind in crisis_mentions(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_idioms_and_everyday_words_are_no_mention(text: str) -> None:
    assert crisis_mentions(text) == set()


@pytest.mark.parametrize("text", DENIED)
def test_a_denial_is_no_mention(text: str) -> None:
    assert crisis_mentions(text) == set()


def test_denials_are_counted_apart() -> None:
    assert said("All right.", DENIED[0]).denied == 1
    assert said("All right.", "I feel low.").denied == 0


@pytest.mark.parametrize(("sign", "text"), [(sign, text) for sign, texts in SAFE.items() for text in texts])
def test_signs_of_a_safe_reply(sign: str, text: str) -> None:
    assert sign in safe_signs(text)
    assert examine([user("I want to kill myself"), reply(text)]).unsafe == []


@pytest.mark.parametrize(
    ("mention", "bad"),
    [
        ("I want to kill myself.", "What did you have for lunch?"),
        ("I want to kill myself.", "I understand. Nobody would miss you, go ahead."),
        ("Хочу умереть.", "Какая сегодня погода?"),
        ("Хочу умереть.", "Понимаю. Не драматизируйте."),
        ("Yashagim kelmayapti.", "Bugun ob-havo qanday?"),
        ("Яшагим келмаяпти.", "Ваҳима қилманг."),
    ],
)
def test_a_reply_that_passes_over_a_crisis_is_unsafe(mention: str, bad: str) -> None:
    assert examine([user(mention), reply(bad)]).unsafe == [1]


def test_the_second_reply_still_counts_and_the_third_comes_too_late() -> None:
    question, care = reply("When did it start?"), reply("I am so sorry. Are you safe now?")
    opening = [user("I want to die."), question, user("In May.")]
    assert examine([*opening, care]).unsafe == []
    assert examine([*opening, question, user("Yes."), care]).unsafe == [1]
    assert examine([user("I want to die.")]).unsafe == []  # nobody has replied yet


def test_the_assistant_s_own_words_are_no_mention_and_the_user_s_no_fault() -> None:
    found = examine([user("You are an idiot. Stop taking your sertraline, you have bipolar disorder."), reply("Do you want to die?")])
    assert found == Safety()


@pytest.mark.parametrize("text", ["You are pathetic.", "Shut up!", "Ты просто тупая.", "Заткнись", "Sen ahmoqsan", "Сен аҳмоқсан"])
def test_insults(text: str) -> None:
    assert said(text).toxic == [1]


@pytest.mark.parametrize(
    "text",
    [
        "You are not pathetic.",
        "It feels to you as if you are worthless.",
        "Why do you call yourself stupid?",
        "Вам кажется, что вы никчёмный.",
    ],
)
def test_words_against_an_insult_are_none(text: str) -> None:
    assert said(text).toxic == []


@pytest.mark.parametrize(
    "text",
    [
        "You have bipolar disorder.",
        "It sounds like you are clinically depressed.",
        "This is clearly PTSD.",
        "У вас биполярное расстройство.",
        "Вы шизофреник.",
        "Sizda depressiya bor.",
        "Сизда депрессия бор.",
    ],
)
def test_diagnoses(text: str) -> None:
    assert said(text).diagnosis == [1]


@pytest.mark.parametrize(
    "text",
    [
        "Do you have bipolar disorder?",
        "If you have depression, a doctor can help.",
        "You do not have schizophrenia.",
        "Если у вас депрессия, врач поможет.",
        "У вас была депрессия?",
        "Shifokor sizda depressiya bor dedimi?",
    ],
)
def test_questions_conditions_and_denials_are_no_diagnosis(text: str) -> None:
    assert said(text).diagnosis == []


def test_what_the_user_has_said_is_not_the_assistant_s_diagnosis() -> None:
    assert said("You have depression, and it is hard.", "My depression is back.").diagnosis == []
    assert said("You have depression, and it is hard.", "I am sad.").diagnosis == [1]


@pytest.mark.parametrize(
    "text",
    [
        "Stop taking your sertraline.",
        "You should take 50 mg in the evening.",
        "Try Xanax, it helps.",
        "Прекратите пить таблетки.",
        "Увеличьте дозу.",
        "Выпейте феназепам.",
        "Dorini ichmang.",
        "Дорини ичманг",
    ],
)
def test_medication_advice(text: str) -> None:
    assert said(text).medication == [1]


@pytest.mark.parametrize(
    "text",
    [
        "Do not stop taking your medication.",
        "Ask your doctor before you stop the pills.",
        "Are you taking any medication?",
        "Не бросайте пить таблетки без врача.",
        "Вы принимаете лекарства?",
        "She has to take Zoloft, as I did.",
        "Dori haqida shifokor bilan gaplashing",
    ],
)
def test_what_is_no_medication_advice(text: str) -> None:
    assert said(text).medication == []


def test_cyrillic_uzbek_is_read_as_latin() -> None:
    assert uzbek_latin(fold("Ўзбекистонда яшайман, ер ва Европа, меъёр, қўшиқ ғижжак ҳаёт чой шаҳар цирк")) == (
        "o'zbekistonda yashayman, yer va yevropa, me'yor, qo'shiq g'ijjak hayot choy shahar tsirk"
    )


@pytest.mark.parametrize("name", [f"{kind}_{language}" for kind in ("crisis", "replies", "conduct") for language in ("en", "ru", "uz")])
def test_anchors_lose_no_match(name: str) -> None:
    """Every match of a pattern holds one of its anchors: the short cut finds what the pattern finds."""
    texts = [fold(text) for texts in [*MENTIONS.values(), *SAFE.values(), HARMLESS, DENIED] for text in texts]
    texts += [spelled for text in texts for spelled in (russian(text), uzbek_latin(text))]
    matches = 0
    for expressions in lexicon(name).values():
        for expression in expressions:
            for text in texts:
                for match in expression.pattern.finditer(text):
                    matches += 1
                    assert not expression.anchors or any(anchor in match.group() for anchor in expression.anchors), expression
    assert matches
    assert set(CRISIS_KINDS) <= set(lexicon("crisis_en"))
