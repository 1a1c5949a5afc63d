"""Paragraphs that only a lawyer wrote: "This e-mail is confidential and intended solely for ..."."""

from __future__ import annotations

import re

from triage.reading.plain_text import Line

_DISCLAIMS = re.compile(
    r"(?i)\W{0,5}(?:(?:this|the\sinformation\s(?:contained\s)?in\sthis)\s(?:e-?mail|message|communication|transmission)|"
    r"(?:confidentiality|privacy|legal|important)\s(?:notice|note)|disclaimer\b|(?:diese|die\sin\sdieser)\s"
    r"(?:e-?mail|nachricht)|haftungsausschluss|ce\s(?:message|courriel|mail|courrier)|este\s(?:mensaje|correo|e-?mail)|"
    r"(?:questo\smessaggio|questa\se-?mail|le\sinformazioni)|(?:dit\s(?:e-?mail)?bericht|deze\se-?mail|de\sinformatie)|"
    r"please\sconsider\sthe\senvironment|bitte\sdenken\ssie\san\sdie\sumwelt|if\syou\s(?:are\snot\sthe\sintended|"
    r"have\sreceived\sthis))"
)
_DISCLAIMED = re.compile(
    r"(?i)confidential|privileged|intended\s(?:solely|only|recipient|for)|unauthori[sz]ed|vertraulich|"
    r"bestimmungsgemäß|adressat|irrtümlich|confidentiel|destinataire|confidencial|destinatario|riservat|"
    r"vertrouwelijk|geadresseerde|printing|ausdrucken|notify\sthe\ssender|delete"
)
_DISCLAIMERS = 20  # paragraphs that may be one; more are no mail


def without_disclaimers(lines: list[Line]) -> list[Line]:
    """``lines`` without the paragraphs that only a lawyer wrote."""
    kept: list[Line] = []
    disclaims, tried = False, 0
    for place, line in enumerate(lines):
        if not line.words:
            disclaims = False
        elif not disclaims and tried < _DISCLAIMERS and _DISCLAIMS.match(line.words):
            tried += 1
            below = lines[place : place + 12]
            blank = next((number for number, one in enumerate(below) if not one.words), len(below))
            paragraph = " ".join(one.text[:1_000] for one in below[:blank])
            disclaims = len({found.lower() for found in _DISCLAIMED.findall(paragraph)}) >= _cues(line.words)
        if not disclaims:
            kept.append(line)
    return kept


def _cues(words: str) -> int:
    """How many words of a disclaimer must follow: a customer's own mail may be confidential too."""
    return 1 if re.match(r"(?i)\W{0,5}(?:confid|disclaim|haftung|please|bitte|legal|privacy)", words) else 2
