"""Names on social networks, as Russian and Uzbek talk gives them: "мой инстаграм: ...", "telegramim ..."."""

import re
from collections.abc import Iterator

from components.anonymize.document import Document
from components.anonymize.recognizers.base import Finding, Recognizer

_PLATFORM = (
    r"(?:инстаграм\w*|инст[аеуы]\w*|телеграм\w*|телег[аеуи]|тг|вк|вконтакте|контакт[ае]|скайп\w*|дискорд\w*|твиттер\w*|тикток\w*|тик-ток\w*|ютуб\w*|фейсбук\w*|снапчат\w*|вайбер\w*|ник(?:нейм)?\w{0,3}|логин\w*|юзернейм\w*|аккаунт\w*|профил\w+|канал\w*"
    r"|instagram\w*|insta\w*|telegram\w*|tg|facebook\w*|tiktok\w*|tik-tok\w*|skype\w*|discord\w*|youtube\w*|vk|nik\w*|login\w*|akkaunt\w*|profil\w*|kanal\w*|username|sahifam|cаҳифам|саҳифам)"
)
_TOLD = re.compile(
    rf"(?<!\w){_PLATFORM}(?:\s+(?:мой|моя|у\s+меня|меня|под\s+ником|ник|это|там|в|mening|meni|menda|manzilim|nikim|bo'yicha|da|dagi|номи|nomi|найд[её]шь|найдите|пиши|пишите|ищи|ищите|-|—|:|как|я))*\s*[:=—-]?\s*[\"']?@?(?P<handle>[A-Za-z][\w.]{{2,31}}|[A-Za-z0-9_]*\d[\w.]{{2,31}})",
    re.IGNORECASE,
)
_AFTER = re.compile(rf"(?<![\w@])(?P<handle>[A-Za-z][\w.]*[\d_.][\w.]*)\s+(?:в|на|da|-)\s+{_PLATFORM}", re.IGNORECASE)
_SIGNED = re.compile(r"(?<![\w.@])@[\w](?:[\w.]*\w)?")
_LINK = re.compile(r"(?<!\w)(?:t\.me|vk\.com|wa\.me|ok\.ru|instagram\.com)/[\w.+/-]+", re.IGNORECASE)
_PLAIN_WORD = re.compile(r"[A-Za-z]{1,20}")
_CONTEXT_LANGUAGE = re.compile(
    r"[Ѐ-ӿ]|\b(?:mening|menda|menga|manzilim|nikim|telegramim|instagramim|sahifam|yozing|yozsangiz|qo'shing)\b", re.IGNORECASE
)


class RussianHandleRecognizer(Recognizer):
    """User names after the name of a platform, with @, and in links."""

    TYPE = "HANDLE"

    def applies(self, document: Document) -> bool:
        """Russian or Uzbek talk with Latin letters in it."""
        return bool(_CONTEXT_LANGUAGE.search(document.text))

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield handles with their sign; a plain word counts only right after the platform in Russian talk."""
        text = document.text
        for pattern in (_SIGNED, _LINK):
            for match in pattern.finditer(text):
                yield match.start(), match.end(), 0.85
        for pattern in (_TOLD, _AFTER):
            for match in pattern.finditer(text):
                handle = match["handle"].rstrip(".")
                telling = re.search(r"[\d_.]|[a-z][A-Z]", handle) or (document.has_cyrillic and not _uzbek_tail(match.group(), handle))
                if telling:
                    yield match.start("handle"), match.start("handle") + len(handle), 0.8


def _uzbek_tail(told: str, handle: str) -> bool:
    """A plain word after a Latin platform name is the next word of the sentence."""
    return told[0].isascii() and _PLAIN_WORD.fullmatch(handle) is not None
