"""Check digits of the numbers that python-stdnum does not know."""

from stdnum import luhn
from stdnum.iso7064 import mod_97_10

_PINFL_WEIGHTS = (7, 3, 1)
_INN_12_FIRST = (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
_INN_12_SECOND = (3, *_INN_12_FIRST)
_INN_10 = (2, 4, 10, 3, 5, 9, 4, 6, 8)


def card(payload: str) -> str:
    """Append the Luhn digit."""
    return payload + str(luhn.calc_check_digit(payload))


def pinfl(payload: str) -> str:
    """Append the check digit of an Uzbek personal number (13 digits; weights 7-3-1, modulo 10, as on machine-readable documents)."""
    return payload + str(sum(int(digit) * _PINFL_WEIGHTS[position % 3] for position, digit in enumerate(payload)) % 10)


def snils(payload: str) -> str:
    """Append both check digits of a Russian insurance number (9 digits; weights 9 to 1, modulo 101, 100 written as 00)."""
    total = sum(int(digit) * weight for digit, weight in zip(payload, range(9, 0, -1), strict=True)) % 101
    return f"{payload}{total % 100:02d}"


def inn(payload: str) -> str:
    """Append the check digit or digits of a Russian tax number (9 digits of a company, 10 of a person)."""
    if len(payload) == 9:
        return payload + _weighted(payload, _INN_10)
    payload += _weighted(payload, _INN_12_FIRST)
    return payload + _weighted(payload, _INN_12_SECOND)


def nhs(payload: str) -> str | None:
    """Append the check digit of a British health number (9 digits), None where there is none for them."""
    digit = 11 - sum(int(figure) * weight for figure, weight in zip(payload, range(10, 1, -1), strict=True)) % 11
    return None if digit == 10 else payload + str(digit % 11)


def iban(country: str, account: str) -> str:
    """Put country and check digits before an account number."""
    return f"{country}{mod_97_10.calc_check_digits(account + country)}{account}"


def _weighted(payload: str, weights: tuple[int, ...]) -> str:
    return str(sum(int(digit) * weight for digit, weight in zip(payload, weights, strict=True)) % 11 % 10)
