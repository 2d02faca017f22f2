"""Which original values in a model's texts mean something."""

from components.privacy_audit.leaked_values import count_leaks, is_specific, ordinary_words, values_in
from components.shared.original_values import OriginalValues

KEY = bytes(32)


def originals() -> OriginalValues:
    values = OriginalValues(KEY)
    values.update(["Katarzyna Wolska", "May", "Lublin", "+48 601 777 123", "the old mill"])
    return values


def test_values_are_found_in_any_writing() -> None:
    found = values_in(originals(), ["I saw KATARZYNA  Wolska in may.", "Nothing.", "Call 48601777123!"])
    assert found[0] == {"katarzyna wolska", "may"}
    assert found[1] == set()
    assert len(found[2]) == 1


def test_several_words_or_many_digits_are_specific() -> None:
    assert [is_specific(value) for value in ("katarzyna wolska", "lublin", "601777", "12345")] == [True, False, True, False]


def test_a_word_of_two_people_in_lower_case_is_ordinary() -> None:
    dialogues = [("a", "It may rain, may it not? Lublin"), ("b", "I may come to the old mill."), ("c", "Lublin")]
    # "the old mill" was written by one person only, Lublin never in lower case.
    assert ordinary_words({"may", "lublin", "the old mill", "601777"}, dialogues) == {"may"}
    assert ordinary_words({"may"}, [("a", "may"), ("a", "may")]) == set()
    assert ordinary_words({"may"}, [("a", "dismay"), ("b", "maybe")]) == set()


def test_what_is_counted_and_what_is_set_aside() -> None:
    found = [{"katarzyna wolska", "may"}, {"lublin"}, set(), {"lublin", "601777123"}]
    ours = count_leaks(found, base={"601777123", "lublin"}, ordinary={"may"})
    assert (ours.specific, ours.with_words, ours.ordinary, ours.base_too) == (1, [False, True, False, True], 1, 2)
    assert ours.texts == 4
