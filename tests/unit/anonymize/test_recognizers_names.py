"""Names of people in sentences, in capitals and in small letters. Everybody here is invented."""

import pytest

from components.anonymize.rules import RuleDetector

_DETECTOR = RuleDetector()


def names(text: str) -> set[str]:
    return {text[span.start : span.end] for span in _DETECTOR.find([text])[0] if span.type == "PERSON"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("hi, my name is dilnavoz and i cannot sleep", "dilnavoz"),
        ("I'm Oluwaseun, nice to meet you.", "Oluwaseun"),
        ("Yesterday my husband Bobur Karimov left.", "Bobur Karimov"),
        ("I spoke with Quetzalina about it.", "Quetzalina"),
        ("then Grace Okonkwo-Bell said no", "Grace Okonkwo-Bell"),
        ("Dr. SMITH never answered", "Dr. SMITH"),
        ("i told nguyen hanh the truth", "nguyen hanh"),
        ("my husband quorvin said he would leave", "quorvin"),
        ("my friends are anna, quorvin and tom", "quorvin"),
        ("My boyfriend Will never calls.", "Will"),
        ("my sister joy said she is fine", "joy"),
        ("Letters came from a certain B. Quorvin again.", "B. Quorvin"),
        ("She sat beside Nora van de Quorven there", "Nora van de Quorven"),
        ("Quorvina, can you hear me?", "Quorvina"),
        ("They wrote to Baker, Ashley first.", "Baker, Ashley"),
        ("people know me as quorvin", "quorvin"),
        ("Registered as A. Quorvin since then.", "A. Quorvin"),
        ("Sincerely, I. Castellanos", "I. Castellanos"),
        ("Regards, T. Stone", "T. Stone"),
        ("I was sent to Dr. Orchard last week.", "Dr. Orchard"),
        ("Then Nurse Basket came in.", "Basket"),
        ("Without Kim Hong I am lost.", "Kim Hong"),
        ("I met Edith Glass at the shop.", "Edith Glass"),
        ("we sat with bich hang by the river", "bich hang"),
        ("my aunt my khanh is ill", "my khanh"),
        ("later vo van son came", "vo van son"),
        ("It was Kim Hong who called.", "Kim Hong"),
        ("mỹ an never wrote back", "mỹ an"),
        ("Меня зовут Ольга, мне плохо", "Ольга"),
    ],
)
def test_finds_names(text: str, name: str) -> None:
    assert name in names(text)


@pytest.mark.parametrize(
    "text",
    [
        "Hope is all I have, and will you mark my words? It may rain.",
        "I'm Feeling sad and Hopeless. I'm so tired. I am done.",
        "God, I feel like my mom and dad hate me. Thank you, Doctor.",
        "my mom will never change and my friend may come too",
        "My Husband Will Not Listen To Me",
        "the café was full, my dad said",
        "thanks for listening, goodnight",
        "ha ha, so long, my loan is due and i do long to hang on",
        "My doctor and I take vitamin D. Tests follow. So did I. Nobody asked.",
        "the doctor said my man should hang up and go to lam",
    ],
)
def test_leaves_words_alone(text: str) -> None:
    assert names(text) == set()


def test_question_in_one_turn_names_the_answer_in_the_next() -> None:
    assert [span.type for span in _DETECTOR.find(["What is your name?", "xylina"])[1]] == ["PERSON"]
    assert _DETECTOR.find(["How do you feel?", "xylina"]) == [[], []]
