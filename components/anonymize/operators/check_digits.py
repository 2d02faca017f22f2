"""Check digits of numbers that identify a person, by which a surrogate is made invalid: nobody can have been given it."""

import string

_LETTER_VALUES = {letter: str(value) for value, letter in enumerate(string.ascii_uppercase, start=10)}


def luhn(digits: str) -> bool:
    """Cards and IMEI (ISO/IEC 7812-1)."""
    total = 0
    for position, character in enumerate(reversed(digits)):
        value = int(character) * (1 + position % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def iban(number: str) -> bool:
    """Bank accounts (ISO 13616): Latin letters and figures, remainder 1 modulo 97."""
    if not (number.isascii() and number.isalnum()):
        return False
    turned = number[4:] + number[:4]
    return int("".join(_LETTER_VALUES.get(character, character) for character in turned.upper())) % 97 == 1


def _weighted(digits: str, weights: str) -> int:
    return sum(int(digit) * int(weight) for digit, weight in zip(digits, weights.split(), strict=False))


def pinfl(digits: str) -> bool:
    """Personal number of Uzbekistan, 14 figures: weights 7, 3, 1 as on travel documents (ICAO 9303)."""
    return _weighted(digits, "7 3 1 7 3 1 7 3 1 7 3 1 7") % 10 == int(digits[13])


def snils(digits: str) -> bool:
    """Russian insurance number, 11 figures: weights 9 to 1, modulo 101."""
    return _weighted(digits, "9 8 7 6 5 4 3 2 1") % 101 % 100 == int(digits[9:])


def russian_taxpayer(digits: str) -> bool:
    """INN, 10 figures (bodies) or 12 (people)."""
    if len(digits) == 10:
        return _weighted(digits, "2 4 10 3 5 9 4 6 8") % 11 % 10 == int(digits[9])
    first = _weighted(digits, "7 2 4 10 3 5 9 4 6 8") % 11 % 10 == int(digits[10])
    return first and _weighted(digits, "3 7 2 4 10 3 5 9 4 6 8") % 11 % 10 == int(digits[11])


def russian_registration(digits: str) -> bool:
    """OGRN, 13 figures (bodies) or 15 (traders)."""
    size = len(digits)
    return int(digits[:-1]) % (size - 2) % 10 == int(digits[-1])


def valid_somewhere(number: str) -> bool:
    """Say whether letters and figures without separators pass a check that is usual for their length."""
    if len(number) >= 15 and number[:2].isalpha() and number[2:4].isdecimal():
        return iban(number)
    if not number.isdecimal():
        return False
    checks = {
        10: (russian_taxpayer,),
        11: (snils,),
        12: (russian_taxpayer, luhn),
        13: (russian_registration, luhn),
        14: (pinfl, luhn),
        15: (russian_registration, luhn),
    }.get(len(number), (luhn,) if 16 <= len(number) <= 19 else ())
    return any(check(number) for check in checks)
