"""Phone numbers of many countries, in the forms that people write, and spelled out in three languages."""

import random
from functools import cache

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

COUNTRIES = (
    "US", "GB", "CA", "AU", "IE", "IN", "NG", "TR", "VN", "AE", "EG", "DE", "FR", "ES", "IT", "PL", "UZ", "RU", "KZ", "UA", "BR", "IL",
)  # fmt: skip
_AT_HOME = {"en": ("US", "GB", "CA", "AU", "IE"), "ru": ("RU", "KZ", "UA"), "uz": ("UZ",)}
_DIGITS = {
    "en": "zero one two three four five six seven eight nine",
    "ru": "ноль один два три четыре пять шесть семь восемь девять",
    "uz": "nol bir ikki uch to'rt besh olti yetti sakkiz to'qqiz",
}
_PLUS = {"en": "plus", "ru": "плюс", "uz": "plyus"}
_TENS = {
    "en": "x x twenty thirty forty fifty sixty seventy eighty ninety",
    "ru": "x x двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто",
    "uz": "x x yigirma o'ttiz qirq ellik oltmish yetmish sakson to'qson",
}


def written(generator: random.Random, language: str) -> tuple[str, str]:
    """Return a valid number, and its country with the form it is written in (national ones only at home)."""
    international = generator.random() < 0.6
    country = generator.choice(COUNTRIES if international else _AT_HOME[language])
    number = _valid(generator, country)
    if not international:
        national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
        return generator.choice((national, national.replace(" ", "-").replace("--", "-"), _compact(national))), f"{country} national"
    shown = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    forms = (
        shown, shown.replace("-", " "), shown.replace(" ", "-"), shown.replace(" ", ".").replace("-", "."),
        phonenumbers.format_number(number, PhoneNumberFormat.E164), "00" + _compact(shown),
    )  # fmt: skip
    return generator.choice(forms), f"{country} international"


def spelled(generator: random.Random, language: str) -> str:
    """Return a number written in words: figure by figure, with a plus or an "oh", or in pairs."""
    country = _AT_HOME[language][0] if language != "en" else generator.choice(_AT_HOME["en"][:2])
    number = _valid(generator, country)
    national = str(number.national_number)
    names = _DIGITS[language].split()
    style = generator.randrange(3)
    if style == 0:
        return " ".join(names[int(digit)] for digit in national)
    if style == 1:
        code = " ".join(names[int(digit)] for digit in str(number.country_code))
        groups = [national[:3], national[3:6], national[6:]]
        return f"{_PLUS[language]} {code}, " + ", ".join(" ".join(names[int(digit)] for digit in group) for group in groups if group)
    head, tail = national[:-4], national[-4:]
    words = [names[int(digit)] for digit in head] + [_pair(tail[:2], language), _pair(tail[2:], language)]
    return " ".join(words)


def _pair(pair: str, language: str) -> str:
    names = _DIGITS[language].split()
    if pair[0] in "01":
        return f"{names[int(pair[0])]} {names[int(pair[1])]}"
    tens = _TENS[language].split()[int(pair[0])]
    return tens if pair[1] == "0" else f"{tens} {names[int(pair[1])]}"


def _compact(text: str) -> str:
    return "".join(character for character in text if character.isdigit())


def _valid(generator: random.Random, country: str) -> phonenumbers.PhoneNumber:
    """Change the last figures of the country's example number until the library calls it valid."""
    example = _example(country)
    digits = str(example.national_number)
    for _ in range(200):
        tail = "".join(str(generator.randrange(10)) for _ in range(6))
        number = phonenumbers.PhoneNumber(
            country_code=example.country_code, national_number=int(digits[:-6] + tail), italian_leading_zero=example.italian_leading_zero
        )
        if phonenumbers.is_valid_number(number):
            return number
    return example


@cache
def _example(country: str) -> phonenumbers.PhoneNumber:
    number = phonenumbers.example_number_for_type(country, PhoneNumberType.MOBILE)
    assert number is not None, f"no example number for {country}"
    return number
