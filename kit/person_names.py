"""Where people's names stand in a text: after "my name is", in salutations, titles and signatures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

_NAME = r"[A-ZÀ-ÞŠŽČŘ](?:[^\W\d_]|['’-](?=[^\W\d_])){1,24}"
_FULL = (
    rf"{_NAME}(?:\s(?:(?:van|von|de|der|den|da|di|del|la|le|el|al|bin|ben|O[’'])\s?){{0,2}}(?:{_NAME}|"
    rf"[A-Z]\.?)){{0,3}}"
)
_ANY_CASE = r"[^\W\d_](?:[^\W\d_]|['’-](?=[^\W\d_])){1,24}"

_CUES = (
    # The cue may be in any case; the name must look like one.
    re.compile(
        r"(?i:\b(?:my|the|his|her|their|account|card)?\s?(?:full|first|last|maiden|sur|"
        r"middle)?\s?name(?:s|\son\s(?:the|my)\s\w+)?\s?(?:is|was|:|=|\?)"
        r"(?:\s(?:user|customer|client|caller):)?|\b(?:account\sholder|cardholder|on\sbehalf\sof|signed|"
        r"sincerely|ich\shei(?:ß|ss)e|mein\sname\sist|"
        r"je\sm['’]appelle|me\sllamo|mi\snombre\ses|follow\sup\swith|called|speaking\s(?:to|with)|"
        r"spoke\s(?:to|with)|talked\sto)(?:\sis|:)?)"
        rf"\s*[\"“]?(?P<value>{_FULL})"
    ),
    re.compile(
        rf"(?i:\b(?:i\sam|i['’]m|this\sis|it['’]s|call\sme|ich\sbin|je\ssuis|"
        rf"soy))\s(?P<value>{_FULL})(?=\s*(?:[.,!\n]|$|\s(?:and|from|here|speaking|with|at|calling)\b))"
    ),
    re.compile(
        rf"(?:^|\n)\s*(?i:dear|hi|hello|hey|hallo|liebe[r]?|bonjour|hola|good\s(?:morning|afternoon|"
        rf"evening))\s(?P<value>{_FULL})(?=\s*(?:[,!:\n.]|$))"
    ),
    re.compile(rf"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Sir|Madam|Herr|Frau|Mme|Sr|Sra)\.?\s(?P<value>{_FULL})"),
    re.compile(
        r"(?i:\b(?:(?:kind|best|warm|many)?\s?(?:regards|wishes|thanks)|cheers|sincerely|"
        r"yours(?:\s(?:truly|faithfully|sincerely))?|thank\syou|"
        r"mit\sfreundlichen\sgrüßen|cordialement|saludos))\s*[,.!]?\s*\n+\s*"
        rf"(?P<value>{_FULL})\s*(?:$|\n)"
    ),
)
_SPEECH = re.compile(
    rf"\b(?:said|says|told\sby|asked|added?|producer|commenter|agent|engineer|technician|advisor|manager|"
    rf"colleague)\s(?P<value>{_NAME}(?:\s[A-Z]\.?)?\s{_NAME})"
)
_TWO = rf"{_NAME}(?:\s{{1,2}}[A-Z]\.?)?(?:\s{{1,2}}(?:van|von|de|der|den|da|di|del|la|le))*\s{{1,2}}{_NAME}"
# A line of its own at the top or the bottom of a message that gives an address, a number or an e-mail.
_SIGNED = re.compile(rf"(?:^|\n)\s*(?P<value>{_TWO})\s*(?=\n|$)")
_CAPITALISED = re.compile(rf"(?<![\w@.-]){_NAME}(?!\w)")
_SURNAME = re.compile(rf"(?:\s[A-Z]\.?(?=\s))?(?:\s{_NAME}(?:-{_NAME})?)?")
_LOWER_CASE = re.compile(
    rf"(?i)\bmy\s(?:full\s|first\s|last\s)?name(?:\sis|:|"
    rf"['’]s)\s(?P<value>{_ANY_CASE}(?:\s{_ANY_CASE}){{0,2}})"
)

# Capitalised words that follow "I am", "Hi" or "Dear" and are no names.
_OTHER_WORDS = """
a an the not in on at so very still just also here there trying having unable unhappy happy sorry sure
new old team support sir madam all everyone everybody folks guys customer service care bot assistant
agent help helpdesk chatbot again whom it yes no ok okay thanks please what when where why how can could
would is are do does wrong right spelled spelt misspelled incorrect different missing changed listed
under your our my his her their english german french spanish british american european monday tuesday
wednesday thursday friday saturday sunday january february march april june july august september
october november december internet wifi broadband mobile router phone account and or but if this that
these those someone something nobody to from for with without about you i we they he she them us now
today tomorrow yesterday maybe well oh
"""
_NOT_NAMES = frozenset(_OTHER_WORDS.split())


def find_names(text: str, *, signed: bool = False) -> Iterator[tuple[int, int]]:
    """Offsets of people's names in ``text``, as the words around them give them away. They may overlap.

    ``signed`` says that the text holds contact details: a name on a line of its own is then believed.
    """
    for match in _LOWER_CASE.finditer(text):
        yield from _without_other_words(text, *match.span("value"), shouted=True)
    for pattern in (*_CUES, _SPEECH, *((_SIGNED,) if signed else ())):
        for match in pattern.finditer(text):
            yield from _without_other_words(text, *match.span("value"))
    listed = _listed()
    for match in _CAPITALISED.finditer(text):
        if match.group().removesuffix("'s").removesuffix("’s").lower() in listed:
            surname = _SURNAME.match(text, match.end())
            end = surname.end() if surname else match.end()
            yield from _without_other_words(text, match.start(), end)


@lru_cache(maxsize=1)
def _listed() -> frozenset[str]:
    lines = Path(__file__).with_name("first_names.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def _without_other_words(
    text: str, start: int, end: int, *, shouted: bool = False
) -> Iterator[tuple[int, int]]:
    """The leading words of ``text[start:end]`` that can be names, if the first can.

    A word in capitals is an abbreviation or an emphasis unless ``shouted`` allows it.
    """
    last = start
    for word in re.finditer(r"\S+", text[start:end]):
        name = word.group().strip(".,")
        if name.lower() in _NOT_NAMES or (len(name) > 1 and name.isupper() and not shouted):
            break
        last = start + word.end()
    if last > start:
        yield start, last
