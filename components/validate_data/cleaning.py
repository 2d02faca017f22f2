"""Repairs of text that lose nothing: invisible characters, UTF-8 that was decoded as something else, remains of HTML.

Only what has one reading is repaired, and each repair is counted; what is doubtful stays, and the suites warn of it.
"""

import html
import re
from functools import cache

_INVISIBLE = re.compile(
    "[\u200b\u2060-\u2064\ufeff\u00ad\u180e\u200e\u200f]"
    # Joiners build emoji and letters of other scripts; beside Latin or Cyrillic letters, spaces and punctuation they are debris.
    "|(?<=[\\s!-~\u00a0-\u024f\u0400-\u04ff])[\u200c\u200d]|^[\u200c\u200d]|[\u200c\u200d](?=[\\s!-~\u00a0-\u024f\u0400-\u04ff]|$)"
)
_PLAUSIBLE = re.compile(
    "[\u00a0-\u017f\u200b\u200d\ufeff\u02bb\u02bc\u0400-\u04ff\u2010-\u2044\u20ac\u2116\u2122\u2190-\u2bff\ufe0f\U0001f000-\U0001faff]"
)
"""What a repaired sequence may stand for: Latin, Cyrillic, punctuation, symbols, emoji."""
_CYRILLIC_RUN = 3
"""Cyrillic letters in a row that read as UTF-8 in windows-1251; fewer occur by rights ("СССР» ...")."""
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/h[1-6])\s*/?>", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:p|div|span|b|i|u|em|strong|small|font|ul|ol|li|h[1-6]|a|blockquote|center|code|pre|tt|sup|sub|table|tr|td|th|tbody|thead)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|hellip|ndash|mdash|[lr][sd]quo|laquo|raquo|#\d{2,6}|#x[0-9a-fA-F]{2,5});")
_ACTIVE = re.compile(r"<\s*(?:script|style|iframe|html|head|body|object|embed|form)\b", re.IGNORECASE)


def clean(text: str) -> tuple[str, list[str]]:
    """Return the repaired text and the codes of what was done."""
    codes = []
    repaired = _decode_again(text)  # first: a soft hyphen may be half of a letter
    if repaired != text:
        codes.append("MOJIBAKE_REPAIRED")
    text, repaired = repaired, _INVISIBLE.sub("", repaired)
    if repaired != text:
        codes.append("INVISIBLE_REMOVED")
    text = repaired
    if ("<" in text or "&" in text) and not holds_page(text):
        repaired = _ENTITY.sub(_character, _TAG.sub("", _BREAK.sub("\n", text)))
        if repaired != text:
            codes.append("HTML_REMOVED")
        text = repaired
    return (text.strip() if codes else text), codes


def holds_page(text: str) -> bool:
    """Say whether the text is code of a page and not what somebody wrote: scripts, styles, forms."""
    return bool(_ACTIVE.search(text))


def _character(match: re.Match[str]) -> str:
    character = html.unescape(match.group()).replace("\u00a0", " ")
    return character if character.isprintable() else " "


def _decode_again(text: str) -> str:
    if text.isascii():
        return text
    for codec, least in (("cp1252", 1), ("cp1251", _CYRILLIC_RUN)):
        to_byte, pattern = _misread(codec, least)
        text = pattern.sub(lambda match, to_byte=to_byte: _decoded(match.group(), to_byte), text)  # type: ignore[misc]
    return text


def _decoded(sequence: str, to_byte: dict[str, int]) -> str:
    try:
        decoded = bytes(to_byte[character] for character in sequence).decode("utf-8")
    except UnicodeDecodeError:
        return sequence
    return decoded if all(_PLAUSIBLE.match(character) for character in decoded) else sequence


@cache
def _misread(codec: str, least: int) -> tuple[dict[str, int], re.Pattern[str]]:
    """Return how bytes look in a codec (holes as in Latin-1), and the pattern of ``least`` UTF-8 sequences in a row as they look there."""
    looks = {number: bytes([number]).decode(codec, errors="ignore") or chr(number) for number in range(0x80, 0x100)}

    def one_of(first: int, last: int) -> str:
        return "[" + "".join(re.escape(looks[number]) for number in range(first, last + 1)) + "]"

    tail = one_of(0x80, 0xBF)
    sequence = f"(?:{one_of(0xC2, 0xDF)}{tail}|{one_of(0xE0, 0xEF)}{tail}{{2}}|{one_of(0xF0, 0xF4)}{tail}{{3}})"
    return {character: number for number, character in looks.items()}, re.compile(f"{sequence}{{{least},}}")
