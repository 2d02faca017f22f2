"""Where a person works, studies or is treated, in Uzbek talk."""

import re
from collections.abc import Iterator

from components.anonymize.document import Document
from components.anonymize.recognizers import uz_words
from components.anonymize.recognizers.base import Finding, Recognizer

_KIND = (
    r"(?:maktab|litsey|kollej|bog'cha|bogcha|universitet|institut|akademiya|poliklinika|kasalxona|shifoxona|klinika|dispanser|tug'ruqxona|tugruqxona|dorixona|zavod|fabrika|kombinat|bank|kompaniya|firma|markaz|texnikum|internat|gimnaziya|qism|bo'lim"
    r"|мактаб|лицей|коллеж|боғча|университет|институт|академия|поликлиника|касалхона|шифохона|клиника|завод|фабрика|банк|марказ|техникум)(?:si|i|im|imiz|iga|ida|idan|ining|ini|ga|da|dan|ning|ni|sida|siga|sidan|sining|dagi|sidagi|idagi|си|и|га|да|дан|нинг|ида|сида|сига|даги)?"
)
_NUMBERED = re.compile(
    rf"(?<![\w'-])\d{{1,4}}\s?(?:-\s?|-son\s|-sonli\s|-chi\s|\ssonli\s|-сон\s|-сонли\s|\sсонли\s|-umumta'lim\s)(?:umumiy\s+o'rta\s+ta'lim\s+|oilaviy\s+|shahar\s+|o'rta\s+|оилавий\s+|ixtisoslashtirilgan\s+)?{_KIND}(?![\w'])|{_KIND}\s+(?:№|no\.?|raqami|N)\s?\d{{1,4}}",
    re.IGNORECASE,
)
_NAMED = re.compile(
    rf"(?<![\w'-])(?:(?:[A-ZА-ЯЎҚҒҲ][\w'-]*\s+)(?:nomidagi\s+|номидаги\s+)?(?:(?:davlat|milliy|shahar|viloyat|tuman|tibbiyot|texnika|pedagogika|axborot|iqtisodiyot|xalqaro|ko'p\s+tarmoqli|bolalar|markaziy|respublika|ruhiy|asab|texnologiyalari|tillar|davlat|давлат|миллий|шаҳар|вилоят|тиббиёт|техника)\s+){{0,4}}){_KIND}(?![\w'])"
)
_QUOTED = re.compile(
    rf"\"[^\"\n]{{2,40}}\"\s+(?:nomli\s+)?(?:MChJ|AJ|XK|МЧЖ|{_KIND}|do'kon\w*|kafe\w*|restoran\w*|salon\w*)", re.IGNORECASE
)
_ACRONYM = re.compile(
    r"(?<![\w'-])(?:TATU|TDTU|TDYU|TDIU|TTA|TMA|SamDU|SamDTI|BuxDU|FarDU|AndDU|NamDU|UrDU|QarDU|O'zMU|O'zDJTU|JIDU|TDPU|TDShI|ToshDO'TAU|ToshTYMI|INHA|Inha|WIUT|Westminster|Turin|MDIST|Artel|Artelda|UzAuto|Uzum|Korzinka|Makro|Beeline|Ucell|Uzmobile|UMS|Hamkorbank|Kapitalbank|Ipoteka|Agrobank|Xalq\s+banki|Aloqabank|TBC|Anorbank|O'zbekneftgaz|Uzbekneftegaz|IIB|DXX|IIV|FVV|ТАТУ|ТДТУ|СамДУ|БухДУ|ЎзМУ|ТДЮУ|ИИБ)(?:da|dan|ga|ning|ni|даги|да|дан|га|нинг)?(?![\w'])"
)
_CUE = re.compile(
    r"(?P<name>(?<![\w'-])[A-Z][\w&.-]+(?:\s[A-Z][\w&.-]+){0,2}(?:da|ga)?)\s+(?:kompaniyasi|firmasi|do'koni|kafesi|restorani|salonida|ishlay|ishlar|o'qiy|o'qir)\w*"
)


class UzbekOrganizationRecognizer(Recognizer):
    """Schools and clinics by number, bodies by name, acronyms of universities and employers."""

    TYPE = "ORGANIZATION"

    def applies(self, document: Document) -> bool:
        """Some word of Uzbek occurs."""
        return uz_words.speaks_uzbek(document.folded)

    def find(self, document: Document) -> Iterator[Finding]:
        """Yield bodies."""
        text = document.text
        for pattern in (_NUMBERED, _NAMED, _QUOTED, _ACRONYM):
            for match in pattern.finditer(text):
                if pattern is not _NAMED or not uz_words.common(match.group().split()[0].casefold()):
                    yield match.start(), match.end(), 0.7
        for match in _CUE.finditer(text):
            if not uz_words.common(match["name"].split()[0].casefold()):
                yield match.start("name"), match.end("name"), 0.65
