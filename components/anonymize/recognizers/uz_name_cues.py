# ruff: noqa: E501 - a pattern is read as one line or not at all
"""What is said around names in Uzbek talk, and how family names, patronymics and given names end."""

import re

from components.anonymize.inflection import word_list
from components.anonymize.uz_suffixes import skeleton

KIN_STEM = (
    "opa|aka|uka|singl|ona|ota|dada|oyi|oyijon|aya|buvi|bobo|xola|amaki|tog'a|amma|er|xotin|qiz|o'g'l|do'st|dugona|qo'shni|jiyan|kelin|kuyov|qaynona|qaynota|qaynopa|qaynsingl|o'rtog'|ustoz|shifokor|doktor|psixolog|psixiatr|terapevt"
    "|boshlig'|direktor|hamkasb|sinfdosh|kursdosh|sevgil|yigit|sobiq er|rahbar|o'qituvchi|murabbiy|nabira|nevara|egachi|pochcha|yanga|ukaxon|mushug|it|bemor|mijoz|mehmon|qizaloq|bolakay|bola|farzand|xo'jayin|xo'jayn|qarindosh|hamshira"
)
KIN = re.compile(rf"(?:{KIN_STEM})(?:xon|jon|cha|ginam)?(?:im|m|ing|ng|i|si|imiz|miz|ingiz|ngiz|lari|larim)?")
KIN_ANY = frozenset(
    {
        "shifokor",
        "doktor",
        "psixolog",
        "psixiatr",
        "terapevt",
        "direktor",
        "bemor",
        "mijoz",
        "ustoz",
        "janob",
        "xonim",
        "o'qituvchi",
        "hamshira",
    }
)
ADDRESS = re.compile(
    r"(?:opa|aka|xola|amaki|tog'a|buvi|bobo|domla|ustoz|hoji|oyi|amma|pochcha|yanga|kelin|begim|xonim|janoblari|aya|eje|egachi|ota|ona|uka|singil|muallim|otin|jon|xon|qori)(?:jon|xon)?(?:m|im|ng|ing|si|i|miz|ngiz|lar)?(?:ni|ning|ga|da|dan|niki)?"
)
SON_OF = re.compile(r"(?:o'?g'?li|ogli|o'gli|ugli|uli|qizi|kizi)(?:ning|ga|ni|dan|da)?|ўғли|қизи|угли|кизи")
SELF_INTRODUCTION = re.compile(
    r"\b(?:(?:ism|ot|familiya|familya|sharif|laqab|ism-?sharif|ism-?familiya)(?:im|m|i|si|ing|ingiz|imiz|yim)?(?:\s+(?:esa|bu|o'zi))?|(?:исм|от|фамилия|шариф|лақаб)(?:им|м|и|си|нг|ингиз)?|f\.?i\.?sh\.?|f\.?i\.?o\.?|ф\.?и\.?ш\.?)\s*(?:[:=,—-]\s*)?[\"']?(?=[^\W\d_])",
    re.IGNORECASE,
)
CALLED_AFTER = re.compile(
    r"(?P<name>[^\W\d_]+(?:['-][^\W\d_]+)*)\s+(?:deb\s+(?:chaqir|ata|nomla|ayt)\w*|deyishadi|deb\s+qo'yishgan|ismli|degan\s+(?:yigit|qiz|odam|bola|ayol|erkak|do'st\w*|dugona\w*)|деб\s+(?:чақир|ата|айт)\w*|дейишади|исмли)",
    re.IGNORECASE,
)
SPEAKS = re.compile(
    r"\s+(?:(?:ham|esa|menga|meni|mening|men\s+bilan|kecha|bugun|yana|doim|hech|ҳам|эса|менга|мени|кеча|бугун|яна)\s+){0,2}(?:dedi|deydi|aytdi|aytgan|keldi|ketdi|qo'ng'iroq|yozdi|so'radi|urdi|aldadi|tashlab|bilan|ning|menga|meni|yaxshi\s+ko'radi|xafa|ichadi|uylandi|tug'ildi|turmushga|деди|дейди|айтди|келди|кетди|ёзди|сўради|билан)",
    re.IGNORECASE,
)
GREETING = re.compile(
    r"(?<![\w'])(?:salom|alaykum|rahmat|kechirasiz|uzr|xayr|eshiting|hurmatli|qadrli|салом|алайкум|раҳмат|кечирасиз|узр|хайр|ҳурматли|қадрли)\s*[,!]?\s+(?=[^\W\d_]+(?:['][^\W\d_]+)*\s*[,!.])",
    re.IGNORECASE,
)
SIGNOFF = re.compile(
    r"(?:\n[ \t]*|\s[-—–]\s?|(?:hurmat\s+bilan|ehtirom\s+bilan|salom\s+bilan|rahmat|xayr|ko'rishguncha|kutaman|samimiyat\s+bilan|ҳурмат\s+билан|эҳтиром\s+билан|раҳмат|хайр|кўришгунча|кутаман)[\s,.!:—-]+)(?=[^\W\d_]+(?:['][^\W\d_]+)*(?:[ -][^\W\d_]+(?:['][^\W\d_]+)*){0,2}[ .!)]*(?:$|\n))",
    re.IGNORECASE,
)
INITIALS = re.compile(
    r"(?P<family>(?<![\w-])[A-Z][a-z']+(?:ov|ev|yev|ova|eva|yeva|zoda|in|ina))\s(?:[A-Z]|Sh|Ch|G'|O')\.(?:\s?(?:[A-Z]|Sh|Ch|G'|O')\.)?|(?<![\w.])(?:[A-Z]|Sh|Ch|G'|O')\.\s?(?:(?:[A-Z]|Sh|Ch|G'|O')\.\s?)?(?P<after>[A-Z][a-z']+(?:ov|ev|yev|ova|eva|yeva|zoda))"
)
PATRONYMIC = re.compile(r"[a-z']{3,}(?:[oe]vich|[oe]vna|yevich|yevna)(?:ning|ga|ni|dan|da)?")
LOOKS = re.compile(
    r"[a-z']{3,}(?:bek|jon|xon|boy|gul|oy|niso|bonu|mirzo|ulla|iddin|murod|nazar|sher|shod|zod|noza|nora|yor|mat)(?:ning|ga|ka|qa|ni|dan|da|im|lar)?"
)
DEALT_WITH = re.compile(
    r"\s+(?:(?:juda|ancha|hali|yana|жуда|анча|яна)\s+)?(?:telefon|qo'ng'iroq|ayt|yoz|ber|pul|turmush|uylan|ishon|sms|yordam|sog'in|ёрдам|соғин|onasi|otasi|opasi|akasi|ukasi|singlisi|eri\b|xotini|uyi|bolasi|bolalari|qizi|o'g'li|do'sti|dugonasi|ismi|gapi|aybi|telefoni|sev|ko'r|yaxshi\s+ko'r|yomon\s+ko'r|uchrat|chaqir|kechir"
    r"|xafa|ajrash|kechirim|so'ra|jahl|bilan\s+(?:urish|gaplash|ajrash|tanish|uchrash|yasha|turmush|birga|janjal|kelish|don)|hech\s+qanday\s+ayb|ayb|menga\b|meni\b|mening\b|har\s+kuni|aka\b|opa\b|keldi|ketdi|dedi|kasal|vafot|aldadi|urdi"
    r"|телефон|қўнғироқ|айт|ёз|бер|пул|турмуш|уйлан|ишон|онаси|отаси|опаси|акаси|укаси|синглиси|эри\b|хотини|уйи|боласи|қизи|ўғли|дўсти|исми|сев|кўр|яхши\s+кўр|ёмон\s+кўр|учрат|чақир|кечир|хафа|ажраш|сўра|билан\s+(?:уриш|гаплаш|ажраш|таниш|учраш|яша|турмуш|бирга|жанжал)"
    r"|ҳеч\s+қандай\s+айб|менга\b|мени\b|менинг\b|ҳар\s+куни|ака\b|опа\b|келди|кетди|деди|касал|вафот)",
    re.IGNORECASE,
)
ABSTRACT = frozenset(
    skeleton(word)
    for word in [
        "baxt",
        "orzu",
        "sevgi",
        "hayot",
        "sabr",
        "rahmat",
        "salom",
        "umr",
        "safar",
        "bahor",
        "gul",
        "mehr",
        "navro'z",
        "ramazon",
        "qurbon",
        "nazar",
        "iymon",
        "davlat",
    ]
)
"""Words that people speak of as of persons ("hayotni sevaman"): never names in small letters by what follows alone."""
STOP = frozenset(word_list("uz_function_words"))
