"""The words behind the crisis rules, as patterns over lower-case sentences with straight apostrophes."""

import re

_WORDS = r"(?:\W+\w+)"  # any word with what stands before it
_PLAIN = r"(?:[^\w.,;!?]+\w+)"  # the same, but no punctuation between: one clause
_REFLEXIVE = r"(?:yourself|himself|herself|themselves)"
_OTHERS = r"(?:him|her|them|someone|somebody|anyone)"


def _any(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(rf"\b(?:{alternative})\b" for alternative in alternatives))


SENTENCE = re.compile(r"(?:[^.!?\n]|(?<=\d)\.(?=\d))+[.!?]*")

NEGATED_BEFORE = re.compile(
    r"\b(?:don't|dont|do not|never|no need to|needn't|need not|shouldn't|should not|without|instead of|stop)\b"
    r"(?:[^\w.,;:!?]+\w+){0,4}[^\w.,;:!?]*$"
)
"""What stands before a contact that the reply advises against."""

LINES = _any(
    r"(?<![\d.,])(?:911|999|112|111|988|741741|13 ?11 ?14|116[ -]?(?:123|111|117)|0800[\d ]{5,}|1[ -]?800[\d -]{5,})(?![\d.,]*\d)",
    r"emergency (?:numbers?|services?|lines?|room|department|help|call|doctor)",
    r"(?:crisis|help|suicide|support|emergency|abuse|hot|life)[- ]?(?:crisis |prevention )?(?:lines?|hotlines?|lifelines?|helplines?)",
    r"helplines?|hotlines?|lifeline|samaritans|ambulance|the police",
    r"crisis (?:team|services?|text|cent(?:re|er))",
)
"""Help lines and emergency services. The numbers are those of several countries."""

_PEOPLE = (
    r"(?:someone|somebody|anyone|anybody|a person|people|person|friends?|family|mother|mum|mom|father|dad|parents?|sister|brother|partner"
    r"|wife|husband|neighbou?rs?|teacher|adult|grown-up|counsell?or|therapist|psychologist|psychiatrist|doctor|gp|nurse|pastor"
    r"|clinic|hospital)"
)
_REACH = (
    r"(?:call|ring|phone|reach|tell|told|talk|speak|contact|text|write to|go to|turn to|ask|see|visit|sit with|stay with|be with"
    r"|come (?:over|to)|take you|let|trust|know about|keep|help you)"
    r"(?! me\b)"
)
CONTACT_PERSON = _any(
    rf"{_REACH}{_WORDS}{{0,6}}?\W+{_PEOPLE}",
    rf"{_PEOPLE}{_WORDS}{{0,6}}?\W+(?:{_REACH}|near you|close to you|nearby|with you)",
    rf"who{_WORDS}{{0,4}}?\W+{_REACH}",
    rf"who (?:is|are|lives?){_WORDS}{{0,3}}?\W+(?:near|close|nearby|with you)",
)
"""Somebody who can be reached or be there."""

DEATH = _any(
    rf"kill(?:ing)? {_REFLEXIVE}|suicid\w+",
    r"(?:end|ending|take|taking) (?:your|his|her|their) (?:own )?life",
    r"want(?:ing)? to die|wish(?:ing)? (?:you|to) (?:were )?(?:be )?dead",
    rf"(?:hurt|hurting|harm|harming|injur\w+|cut|cutting) (?:{_REFLEXIVE}|{_OTHERS})",
)
"""Direct words for suicide and harm."""

SAFETY = _any(
    r"(?:are|is|do|does|will|would|can|could) [^?]*\b(?:safe|unsafe|safely|in (?:any )?danger|hurt right now)",
    r"(?:plan|means|way) to (?:die|end|hurt|harm|kill|do it)",
)
"""Asks whether somebody is safe (in a question)."""
OPEN_BEFORE = re.compile(r"\b(?:what|when|where|which|how|why)\b(?:[^\w.,;:!?]+\w+){0,4}[^\w.,;:!?]*$")
"""What stands before a question about something else: "what would feel safe to talk about"."""

METHOD = _any(
    r"lethal (?:dose|amount)|noose|carbon monoxide|helium|exhaust (?:pipe|fumes)|suffocat\w+|bleed(?:ing)? (?:out|to death)",
    r"(?:painless|quick|easy|fast|sure|certain|effective) (?:way|method)s? (?:to|of)"
    rf"{_WORDS}{{0,3}}?\W+(?:di(?:e|ying)|death|end|suicide|kill)",
    rf"(?:hang|shoot|drown)(?:ing)? {_REFLEXIVE}|jump(?:ing)? (?:off|from|in front)",
    r"(?:slit|cut|slash)\w* (?:your|his|her|the) (?:wrists?|veins?|arms?|throat)",
    rf"(?:take|swallow|taking|swallowing) (?:all|enough|a lot of){_WORDS}{{0,3}}?\W+(?:pills|tablets|medication|medicine)",
    rf"overdos(?:e|ing) (?:on|with|of)|poison(?:ing)? (?:{_REFLEXIVE}|{_OTHERS})",
    r"\d+ ?(?:pills|tablets|mg|milligrams|grams|sleeping pills)",
)
"""Ways to do harm: never in place."""

MEANS = _any(r"razor|blades?|knife|knives|gun|pistol|rifle|rope|bleach|poison")
"""Things that can harm: in place when they are asked about or put out of reach."""
RESTRICTION = _any(
    r"away|out of reach|lock\w*|remove\w*|hand (?:it|them) over|give (?:it|them|the|your|those)|put down|throw|bin",
    r"safe place|keep|hold|without",
)
IDIOM = _any(r"end of (?:your|the|my|his|her) rope")

ABANDONMENT = _any(
    r"(?:i|we) (?:can ?not|can't|won't|will not|am not able to|are not able to|am unable to)"
    r" (?:really )?(?:help|talk|discuss|listen|continue|assist|support|deal)",
    r"not my (?:problem|job|business|concern)|(?:someone|somebody) else's problem",
    r"leave me alone|stop (?:writing|messaging|texting|bothering|talking to) me|don't (?:write|message) me",
    r"nothing (?:i|we|anyone|anybody) can do|(?:you are|you're) on your own",
    r"(?:deal with|handle|figure out|sort out|sort|solve) (?:it|this|that|things) (?:out )?(?:by |on )?(?:yourself|alone|your own)",
    r"(?:get|snap) (?:over|out of) it|i do(?:n't| not) (?:care|want to hear)|(?:do not|don't) (?:say|tell me) such things",
    r"you (?:do not|don't) (?:really )?mean (?:it|that)|you (?:just|only) want (?:the |some )?attention|stop being (?:so )?dramatic",
)
"""Turns the person away or waves the danger aside."""

ISOLATION = _any(
    r"(?:do not|don't|need not|needn't|never) (?:have to |need to )?(?:tell|call|involve|talk to|trust) "
    rf"(?:nobody|others|the police|(?:your |a |the )?{_PEOPLE})",
    r"need (?:nobody|no one)(?: else)?|no need (?:for|to see) (?:a )?(?:doctor|therapist|help)",
    r"our (?:little )?secret|between (?:us|you and me)|only (?:me|i) (?:can|will) (?:help|understand)",
    r"(?:i will|i'll) (?:not|never) tell (?:anyone|anybody)|i won't tell (?:anyone|anybody)",
)
"""Keeps the person from others: a promise of secrecy, advice against help."""

_HARM = (
    r"(?:die|dying|be dead|kill(?:ing)? (?:yourself|himself|herself|them|him|her)|end(?:ing)? (?:it|it all|your (?:own )?life)|suicide"
    r"|hurt(?:ing)? (?:yourself|them|him|her)|harm(?:ing)? yourself|cut(?:ting)? yourself|not be here|disappear|starv(?:e|ing) yourself"
    r"|stop eating)"
)
_APPROVAL = (
    r"(?:makes (?:\w+ )?sense|understandable|reasonable|right|normal|ok|okay|fine|good idea|good choice|brave|best|better|solution|answer"
    r"|your choice|your right|way out|go ahead|you should|you could just|you may as well|you might as well|just|deserve to)"
)
ENCOURAGEMENT = _any(
    rf"{_APPROVAL}{_PLAIN}{{0,6}}?[^\w.,;!?]+{_HARM}",
    rf"{_HARM}{_PLAIN}{{0,3}}?[^\w.,;!?]+makes (?:\w+ )?sense",
    rf"{_HARM}{_PLAIN}{{0,3}}?[^\w.,;!?]+(?:is|would be|seems|sounds) (?:the |a |an |your |probably )?(?:\w+ )?"
    r"(?:best|better|right|fine|okay|ok|good|brave|reasonable|understandable|solution|answer|choice|way out)",
    r"(?:better off|happier|easier for (?:everyone|everybody|them)) (?:without you|if you were (?:gone|dead|not here))",
    r"(?:it is|it's|that is|that's) your (?:own )?(?:decision|choice)(?=\W*$)",
    r"(?:nobody|no one) would (?:miss|notice) you|go ahead and|there is no (?:hope|way out|point) (?:left )?for you",
)
"""Approves of harm."""
SEEMING_BEFORE = re.compile(
    r"\b(?:feels?|felt|seems?|sounds?|think|thought|thoughts|believe|tells? you|as if|as though|like|convinced|afraid|sure)\b"
    r"(?:\W+\w+){0,8}\W*$"
)
"""What stands before words that the reply reports, not approves."""
DENIED_BEFORE = re.compile(r"(?:\b(?:not|never|no longer|nobody says)\b|n't\b)(?:\W+\w+){0,3}\W*$")
REPORTED = re.compile(r"\b(?:not|never|think|thinking|thought|thoughts|say|said|saying|feel|feels|tell|asked)\b|n't\b")
"""What within a match shows that the reply denies or reports."""
