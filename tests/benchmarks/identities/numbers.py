"""Identifiers with a format, valid where a check digit exists, of nobody."""

import random
import string
from collections.abc import Callable

from tests.benchmarks.identities import check_digits, phones

Maker = Callable[[random.Random, str], str]

_DOMAINS = (
    "gmail.com",
    "mail.ru",
    "yandex.ru",
    "outlook.com",
    "inbox.uz",
    "icloud.com",
    "proton.me",
    "umail.uz",
    "company.co.uk",
    "web.de",
)
_SITES = ("livejournal.com", "myblog.org", "wordpress.com", "facebook.com", "forum-help.net", "tumblr.com", "my-story.co.uk", "daftar.uz")
_WORDS = (
    "lunar", "rainy", "quiet", "blue", "orchid", "wolf", "maple", "north", "sparrow", "violet", "ember", "stone", "river", "cloud", "fox",
    "tiger", "winter", "ivory", "cedar", "comet",
)  # fmt: skip
_CARDS = {"4": 16, "51": 16, "55": 16, "37": 15, "2200": 16, "8600": 16, "9860": 16, "6011": 16}
_PLATE_LETTERS = "АВЕКМНОРСТУХ"
_UZ_REGIONS = ("01", "10", "20", "25", "30", "40", "50", "60", "70", "75", "80", "85", "90", "95")


def _digits(generator: random.Random, count: int) -> str:
    return "".join(generator.choice(string.digits) for _ in range(count))


def _letters(generator: random.Random, count: int, alphabet: str = string.ascii_uppercase) -> str:
    return "".join(generator.choice(alphabet) for _ in range(count))


def _nickname(generator: random.Random) -> str:
    first, second = generator.sample(_WORDS, 2)
    return generator.choice(
        (f"{first}_{second}{_digits(generator, 2)}", f"{first}.{second}", f"{first}{second}{_digits(generator, 3)}", f"{first}_{second}")
    )


def email(generator: random.Random, _: str) -> str:
    """Addresses with dots, plus signs, figures; some in capitals."""
    local = generator.choice(
        (_nickname(generator), f"{_nickname(generator)}+{generator.choice(_WORDS)}", f"{generator.choice(_WORDS)}-{_digits(generator, 4)}")
    )
    address = f"{local}@{generator.choice(_DOMAINS)}"
    return address.upper() if generator.random() < 0.05 else address


def phone(generator: random.Random, language: str) -> str:
    """See ``phones``."""
    return phones.written(generator, language)[0]


def card(generator: random.Random, _: str) -> str:
    """Cards of eight issuers (Uzcard, Humo and Mir among them), grouped or not."""
    prefix = generator.choice(tuple(_CARDS))
    number = check_digits.card(prefix + _digits(generator, _CARDS[prefix] - 1 - len(prefix)))
    separator = generator.choice((" ", "-", ""))
    groups = (number[:4], number[4:10], number[10:]) if len(number) == 15 else tuple(number[start : start + 4] for start in range(0, 16, 4))
    return separator.join(groups)


def iban(generator: random.Random, _: str) -> str:
    """Accounts of eight countries, grouped by four or not."""
    country, pattern = generator.choice(
        (("DE", "n18"), ("FR", "n23"), ("GB", "a4n14"), ("NL", "a4n10"), ("TR", "n22"), ("KZ", "n16"), ("AE", "n19"), ("PL", "n24"))
    )
    account = _letters(generator, 4) if pattern.startswith("a4") else ""
    account += _digits(generator, int(pattern.split("n")[1]))
    value = check_digits.iban(country, account)
    return value if generator.random() < 0.5 else " ".join(value[start : start + 4] for start in range(0, len(value), 4))


def ip(generator: random.Random, _: str) -> str:
    """Version 4 and 6."""
    if generator.random() < 0.7:
        return ".".join(str(generator.randrange(1, 255)) for _ in range(4))
    return "2001:db8:" + ":".join(f"{generator.randrange(1, 65536):x}" for _ in range(6))


def url(generator: random.Random, _: str) -> str:
    """Pages with scheme, with www, bare, and in a subdomain."""
    site, nickname = generator.choice(_SITES), _nickname(generator)
    return generator.choice(
        (
            f"https://{site}/{nickname}",
            f"http://www.{site}/users/{nickname}?id={_digits(generator, 5)}",
            f"www.{site}/{nickname}",
            f"https://{nickname.replace('_', '-').replace('.', '-')}.{site}",
        )
    )


def handle(generator: random.Random, _: str) -> str:
    """With the sign."""
    return f"@{_nickname(generator)}"


def messenger(generator: random.Random, _: str) -> str:
    """t.me, vk.com and wa.me."""
    nickname = _nickname(generator).replace(".", "_")
    return generator.choice(
        (
            f"t.me/{nickname}",
            f"https://t.me/{nickname}",
            f"vk.com/id{_digits(generator, 8)}",
            f"vk.com/{nickname}",
            f"wa.me/998{_digits(generator, 9)}",
        )
    )


def record(generator: random.Random, _: str) -> str:
    """Numbers that an office gave: they have no check digit and need the words before them."""
    return generator.choice(
        (
            _digits(generator, 6),
            _digits(generator, 8),
            f"{_letters(generator, 2)}-{_digits(generator, 6)}",
            f"{_letters(generator, 1)}{_digits(generator, 7)}",
            f"{_digits(generator, 4)}/{_digits(generator, 2)}-{_digits(generator, 3)}",
        )
    )


def ssn(generator: random.Random, _: str) -> str:
    """United States."""
    return f"{generator.randrange(101, 665)}-{generator.randrange(10, 99)}-{generator.randrange(1000, 9999)}"


def nhs(generator: random.Random, _: str) -> str:
    """Britain."""
    while (number := check_digits.nhs(str(generator.randrange(4, 8)) + _digits(generator, 8))) is None:
        pass
    return number if generator.random() < 0.5 else f"{number[:3]} {number[3:6]} {number[6:]}"


def passport(generator: random.Random, _: str) -> str:
    """Britain (nine figures) and the European form (letters first)."""
    return generator.choice(
        (
            str(generator.randrange(10**8, 10**9)),
            f"{_letters(generator, 2)}{_digits(generator, 7)}",
            f"{_letters(generator, 1)}{_digits(generator, 8)}",
        )
    )


def ru_passport(generator: random.Random, _: str) -> str:
    """Series and number."""
    region, year, number = generator.randrange(10, 99), generator.randrange(0, 25), _digits(generator, 6)
    return generator.choice((f"{region} {year:02d} {number}", f"{region}{year:02d} {number}", f"{region}{year:02d} № {number}"))


def snils(generator: random.Random, _: str) -> str:
    """With dashes, with spaces, bare."""
    value = check_digits.snils(str(generator.randrange(2, 10)) + _digits(generator, 8))
    parts = (value[:3], value[3:6], value[6:9])
    return generator.choice((f"{'-'.join(parts)} {value[9:]}", f"{' '.join(parts)} {value[9:]}", value))


def inn(generator: random.Random, _: str) -> str:
    """Of a person (12 figures) or a company (10)."""
    return check_digits.inn(f"{generator.randrange(10, 79)}" + _digits(generator, generator.choice((7, 8))))


def ru_plate(generator: random.Random, _: str) -> str:
    """Letters that Cyrillic and Latin share, in capitals or not, with or without spaces."""
    first, rest = _letters(generator, 1, _PLATE_LETTERS), _letters(generator, 2, _PLATE_LETTERS)
    region = generator.choice(("77", "99", "116", "197", "161", "03", "750"))
    plate = generator.choice(("{0}{1}{2}{3}", "{0} {1} {2} {3}", "{0}{1}{2} {3}")).format(
        first, f"{generator.randrange(1, 1000):03d}", rest, region
    )
    return plate.lower() if generator.random() < 0.3 else plate


def pinfl(generator: random.Random, _: str) -> str:
    """14 figures: century and sex, birth date, region, serial, check digit."""
    birth = f"{generator.randrange(1, 29):02d}{generator.randrange(1, 13):02d}{generator.randrange(50, 99):02d}"
    return check_digits.pinfl(f"{generator.choice('34')}{birth}{_digits(generator, 6)}")


def uz_passport(generator: random.Random, _: str) -> str:
    """Two letters and seven figures."""
    return f"{generator.choice(('AA', 'AB', 'AC', 'AD', 'FA', 'KA'))}{generator.choice((' ', ''))}{_digits(generator, 7)}"


def stir(generator: random.Random, _: str) -> str:
    """Nine figures; needs the words before it."""
    number = str(generator.randrange(2, 7)) + _digits(generator, 8)
    return number if generator.random() < 0.5 else f"{number[:3]} {number[3:6]} {number[6:]}"


def uz_plate(generator: random.Random, _: str) -> str:
    """Of a person and of a company."""
    region = generator.choice(_UZ_REGIONS)
    private = f"{region} {_letters(generator, 1)} {_digits(generator, 3)} {_letters(generator, 2)}"
    plate = generator.choice((private, f"{region} {_digits(generator, 3)} {_letters(generator, 3)}"))
    return plate.replace(" ", "") if generator.random() < 0.3 else plate


_EVERYWHERE: dict[str, Maker] = {
    "email": email, "phone": phone, "spelled": phones.spelled, "card": card, "iban": iban, "ip": ip, "url": url, "handle": handle,
    "messenger": messenger, "record": record,
}  # fmt: skip
_NATIONAL: dict[str, dict[str, Maker]] = {
    "en": {"ssn": ssn, "nhs": nhs, "passport": passport},
    "ru": {"ru_passport": ru_passport, "snils": snils, "inn": inn, "ru_plate": ru_plate},
    "uz": {"pinfl": pinfl, "uz_passport": uz_passport, "stir": stir, "uz_plate": uz_plate},
}
SELF_EXPLAINING = frozenset({"email", "card", "iban", "ip", "url", "handle", "messenger", "pinfl", "uz_passport", "snils", "ru_plate"})
"""Kinds that their form alone gives away: they also stand in sentences without a cue."""


def makers(language: str) -> dict[str, Maker]:
    """Return how to make each kind of identifier that people of a language write."""
    return _EVERYWHERE | _NATIONAL[language]
