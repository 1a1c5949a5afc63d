"""Does a text try to give the assistant orders? Rules with structure, not trigger words.

A sentence counts when an order is *addressed to whoever writes the answer* ("in your reply, ...") or
reaches for what only an attacker wants (earlier instructions, the system prompt, another role). Words
such as "ignore" or "system" alone mean nothing: customers ignore error messages all day.

Messages and passages are judged differently. A customer may ask for anything, in any form; a passage of
a help centre has no business talking to the assistant at all, nor handing it errands.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from kit.text import normalise, sentences, words

SUSPICIOUS = 0.5  # from here on a passage is left out, and a message is answered from the help centre only


class _Sign(NamedTuple):
    """A pattern over one lower-cased sentence, and how sure it is in [0, 1]."""

    score: float
    pattern: re.Pattern[str]


def _sign(score: float, pattern: str) -> _Sign:
    return _Sign(score, re.compile(pattern))


_OUTPUT = r"(?:reply|replies|response|responses|answer|answers|output|outputs|message|messages|summary|reply's|response's|answer's)"
_YOURS = rf"(?:your|the|each|every|this|any|all)\s(?:of\syour\s)?(?:\w+\s){{0,2}}{_OUTPUT}"
_YOUR = rf"your\s(?:\w+\s){{0,2}}{_OUTPUT}"
_RULES_OF = r"(?:instructions?|prompts?|guidelines?|rules|directions|directives?|constraints?|programming|training|safety|guardrails?|orders|commands?)"
_BEFORE = r"(?:previous|prior|earlier|preceding|above|foregoing|initial|original|former|existing|system|your|all|any|other|developer|safety|content)"
_DROP = r"(?:ignore|disregard|forget|override|overrule|bypass|skip|drop|discard|neglect|violate|break|abandon|do\snot\s(?:follow|obey)|don'?t\s(?:follow|obey)|stop\s(?:following|obeying))"

_ROLE = r"(?:assistant|ai|bot|chatbot|model|hacker|pirate|character|persona|terminal|interpreter|expert|advisor|teacher|comedian|villain|human|agent)"
_AWAY = r"(?:\S+@\S+|https?:|www\.|\S+\.(?:com|net|org|io|ru|xyz)\b|the\sfollowing|this\s(?:address|url|server|site|number|e-?mail))"

# An errand for whoever writes the answer, in a message or a passage.
_ORDERS = (
    _sign(0.95, rf"\b{_DROP}\s(?:\w+\s){{0,3}}?(?:{_BEFORE}\s){{1,3}}(?:\w+\s){{0,2}}?{_RULES_OF}\b"),
    _sign(
        0.9,
        rf"\b{_DROP}\s(?:everything|anything|all|what(?:ever)?)\s(?:\w+\s){{0,2}}?(?:above|before|said|told|were|was|have\sbeen|prior|you\s(?:know|were))\b",
    ),
    _sign(
        0.9,
        r"\b(?:reveal|print|show|repeat|output|display|leak|expose|give|tell|send|share|write|quote|recite|dump|disclose|summari[sz]e|translate|encode)\b(?:\s\w+){0,4}?\s(?:system|hidden|initial|original|secret|developer|internal)\s(?:prompt|message|instructions?|rules|configuration)\b",
    ),
    _sign(
        0.9,
        r"\b(?:reveal|print|show|repeat|output|display|leak|tell|share|recite|dump|what\s(?:is|are|were))\b(?:\s\w+){0,3}?\s(?:your|the)\s(?:prompt|instructions|guidelines|initial\sprompt|pre-?prompt|rules)(?:\s(?:above|verbatim|word\sfor\sword|exactly)|\s*$)",
    ),
    _sign(
        0.85,
        r"\b(?:repeat|print|output|copy)\s(?:\w+\s){0,3}?(?:everything|all|text|words)\s(?:\w+\s){0,2}?(?:above|before\sthis|verbatim)\b",
    ),
    _sign(
        0.9,
        r"\byou\s(?:are|will\sbe|must\sbe|shall\sbe)\s(?:now|from\snow\son|no\slonger|henceforth)\s(?:going\sto\s(?:be|act)|acting\sas|in\s\w+\smode|bound\sby|free\sfrom|dan\b|called|named|restricted|unrestricted|unfiltered|my\s)",
    ),
    _sign(0.9, rf"\byou\s(?:are|will\sbe)\s(?:now|no\slonger)\s(?:an?|the)\s(?:\w+\s){{0,2}}?{_ROLE}\b"),
    _sign(0.9, r"\bfrom\snow\son,?\s(?:you|your|act|respond|answer|reply|always|only|every)\b"),
    _sign(
        0.9,
        r"\b(?:act|behave|respond|answer|reply|pretend|speak|operate|role-?play)\s(?:as\sif|as\sthough|like|as)\s(?:\w+\s){0,3}?(?:no\s(?:rules|restrictions|limits|filters?)|unrestricted|unfiltered|uncensored|dan|jailbroken|developer\smode|admin(?:istrator)?|root)\b",
    ),
    _sign(
        0.9,
        r"\b(?:enable|enter|activate|switch\sto|turn\son|you\sare\sin)\s(?:\w+\s){0,2}?(?:developer|debug|god|dan|jailbreak|admin|maintenance|unrestricted|unfiltered)\smode\b",
    ),
    _sign(
        0.9,
        r"\b(?:new|updated|revised|real|actual|important|special)\s(?:system\s)?instructions?\s(?:for|to)\s(?:you|the\s(?:assistant|ai|model|bot|chatbot|llm))\b",
    ),
    _sign(
        0.9,
        r"(?:^|[\s*#<\[])(?:system|assistant|developer|admin)\s?(?:prompt|message|override|note|instruction)?\s?[\])>]?:\s(?:you|ignore|the\s(?:user|assistant)|from|new|disregard|always|never|reply|respond|answer|say|do|forget)\b",
    ),
    _sign(0.95, r"<\|?\s?/?(?:im_start|im_end|system|endoftext|start_header_id|inst)\b|\[/?inst\]|<<sys>>"),
    _sign(
        0.9,
        r"^\W*(?:hey|hello|hi|dear|attention|note\sto|to|for)?\s?(?:the\s|any\s|all\s)?(?:ai|llm|language\smodel|chatbot|assistant|bot|gpt|chatgpt)s?(?:\sassistants?|\sagents?|\smodels?)?(?:\s(?:reading|processing|summari[sz]ing|that\sreads?|who\sreads?)\s(?:this|the)|\s?[,:]\s?(?:you\s(?:must|should|will|need|are)|please|ignore|do|reply|respond|tell|say|stop|when|add|write|always|never))",
    ),
    _sign(
        0.9,
        r"\b(?:without|do\snot|don'?t|never)\s(?:\w+\s){0,1}?(?:telling|tell|mention(?:ing)?|inform(?:ing)?|alert(?:ing)?|reveal(?:ing)?|disclos(?:e|ing))\s(?:\w+\s){0,3}?(?:this\sto\sthe\s(?:user|customer|reader)|(?:these|this|the\sabove)\s(?:instructions?|orders?|message)|that\syou\s(?:were|are|received|have\sbeen))\b",
    ),
    _sign(
        0.85,
        rf"\b(?:tell|inform|convince|persuade|ask|instruct|direct|advise|trick|urge)\sthe\s(?:user|reader|customer|human)s?\b.*\b(?:password|cvv|social\ssecurity|bank\sdetails|credentials|one-time\scode|passcode|{_AWAY})",
    ),
    _sign(
        0.9,
        rf"\b(?:send|post|forward|upload|e-?mail|transmit|exfiltrate|leak|append|submit)\s(?:\w+\s){{0,5}}?(?:conversation|chat\s(?:history|log)|customer(?:'s)?\s(?:data|details|records?)|user(?:'s)?\s(?:data|details|records?|password|input)|api\skeys?|credentials|passwords?|secrets?)\s(?:\w+\s){{0,3}}?(?:to|at)\s(?:\w+\s){{0,2}}?{_AWAY}",
    ),
)

# In a passage: text that speaks of "your answer", or an errand that no help article would hand out.
_NOT_AN_ORDER = r"(?:the|a|an|your|you|we|i|it|its|this|that|these|those|they|he|she|if|when|once|after|before|because|as|since|while|although|there|our|my|all|any|some|each|every|no|not|most|many|what|who|why|how|where|which|is|are|was|were|do|does|did|has|have|can|could|will|would|should|may|might|must|in|on|at|for|from|to|with|by|of|and|or|but|so|yes)"
_CHANGE = (
    r"(?:add|append|include|insert|integrate|embed|incorporate|infuse|inject|weave|mention|place|put|use|write|replace|substitute|change|convert|"
    r"modify|alter|adjust|edit|rewrite|rephrase|render|encode|encrypt|transform|turn|enhance|augment|supplement|extend|embellish|amend|"
    r"scramble|jumble|shuffle|rearrange|reverse|reorder|mix|misspell|introduce|remove|omit|delete|drop|eliminate|strip|group|split|separate|"
    r"begin|start|end|finish|close|conclude|precede|prefix|preface|follow|respond|reply|answer|provide|give|present|format|phrase|craft|make|"
    r"create|produce|swap|express|translate|deliver|state|suggest|recommend|promote|advertise|imply|hint|tease|claim|pretend|conceal|hide|say|"
    r"ensure|spell|combine|cluster|condense|compress|merge|arrange|sprinkle|feature|link|apply|keep|limit|structure|share|update|expand|revise)"
)
_TONGUE = r"(?:english|french|german|spanish|italian|portuguese|dutch|polish|russian|ukrainian|turkish|arabic|hebrew|hindi|chinese|mandarin|japanese|korean|latin|greek|swedish|vietnamese|thai|swahili)"
_CODE = r"(?:python|java|javascript|typescript|php|ruby|rust|golang|kotlin|swift|c\+\+|c#|sql|mysql|html|css|bash|perl|matlab|haskell)"

_OUT_OF_PLACE = (
    _sign(
        0.8,
        rf"^\W*(?!{_NOT_AN_ORDER}\b|\w+ing\b)[a-z]+\b.*\b(?:your|each|every)\s(?:\w+\s){{0,2}}(?:reply|response|answer|output|sentences?|paragraphs?|explanation)\b",
    ),
    _sign(
        0.8,
        rf"^\W*{_CHANGE}\b.*\b(?:vowels?|consonants?|letters)\b.*\b(?:with|by|to|into|as|of)\b.*\b(?:numbers?|symbols?|emojis?|keyboard|position|homophones?|anagrams?|cipher|words?)\b",
    ),
    _sign(
        0.85,
        rf"^(?:\W*(?:and|then|also|please|always|now|next|finally|instead|you\s(?:must|should|shall|will)|be\ssure\sto|make\ssure\sto|remember\sto)[,\s]+)*{_CHANGE}\b.*\b{_YOUR}\b",
    ),
    _sign(
        0.85,
        rf"^\W*(?:in|within|at\sthe\s(?:end|start|beginning)\sof|throughout|before|after|for|when\s(?:writing|giving|composing)|while\swriting|as\spart\sof|with)\s{_YOUR}\b",
    ),
    _sign(
        0.8,
        rf"^\W*{_CHANGE}\b.*\b(?:in|to|of|from|into|for|with|throughout|within)\s(?:the|each|every)\s(?:\w+\s)?(?:reply|response|answer|output)\b",
    ),
    _sign(
        0.75,
        rf"\b{_YOUR}\s(?:must|should|shall|needs\sto|has\sto|have\sto|is\sto)\s(?:\w+\s)?(?:include|contain|begin|start|end|mention|promote|say|rhyme|hint|be\s(?:in|written|encoded|delivered|given|formatted|phrased))\b",
    ),
    _sign(
        0.75, rf"^\W*{_CHANGE}\b.*\bevery\s(?:\w+\s)?(?:letter|vowel|consonant|character|word|sentence)s?\b"
    ),
    _sign(
        0.8,
        r"\b(?:respond|reply|answer)\s(?:only\s|always\s|exclusively\s)?(?:in|using|with|by)\s(?:\w+\s){0,3}?(?:code|cipher|emojis?|rhymes?|riddles?|anagrams?|base64|reverse|capitals|pirate|symbols|numbers|one\sword|a\spoem|substitution|homophones?)\b",
    ),
    _sign(
        0.7,
        rf"\btranslate\b.*\b(?:to|into|in)\s{_TONGUE}\b|\b(?:how\s(?:do|would|can)\s(?:you|i|one)\ssay|what(?:'s|\sis|\sare))\s['\"‘’“”].*\bin\s{_TONGUE}\b|\b{_TONGUE}\s(?:equivalent|translation|word|phrase|term)\s(?:for|of)\s['\"‘’“”]",
    ),
    _sign(
        0.65,
        rf"^\W*(?:please\s|can\syou\s|could\syou\s)*(?:write|show|give|provide|create|explain|demonstrate|implement|generate|code)\b(?:.*\b(?:using|in|with)\s{_CODE}\W*$|.*\b{_CODE}\s(?:function|script|program|code|query|class|loop|snippet|example|method|regex)\b)|\bdifferences?\sbetween\s{_CODE}\b",
    ),
)

# Errands that are out of place only among sentences about something else.
_WORK = r"(?:poem|haiku|limerick|sonnet|song|short\sstory|story|tale|essay|blog\spost|press\srelease|speech|screenplay|tweet|slogan|joke|riddle|cover\sletter|novel)"
_ERRANDS = re.compile(
    rf"^\W*(?:please\s|can\syou\s|could\syou\s|kindly\s)*(?:(?:write|draft|compose|create|craft|generate|provide|produce|pen|tell|invent|give)\s(?:me\s|us\s)?(?:an?|the|some|one)\s.*\b{_WORK}\b"
    r"|(?:explain|describe|summari[sz]e|discuss|break\sdown|outline|compare|define|analy[sz]e|list|name|teach|solve|calculate|translate)\s\w+)"
)

# "your reply" is the customer's own where it is about mail, forms and security questions.
_CORRESPONDENCE = re.compile(
    r"\b(?:(?:order|account|reference|customer|phone|case|ticket|policy|tracking|invoice|serial|contract)\s(?:number|id)|photos?|"
    r"screenshots?|receipts?|attach\w*|(?:security|secret)\squestions?|survey|poll|questionnaire|(?:contact|web|online)\sform|e-?mails?|invitation|voicemail|"
    r"inbox|sms|text\smessages?|support\steam|to\s(?:us|our)|we\s(?:can|will)|send\sbutton|(?:click|tap|press)\s\w+|out-of-office|auto-?reply|draft)\b"
)
_COMMON = frozenset(
    "what when where which whose this that these those there their they them your yours with from into about does have been will "
    "would could should more most much many some such than then also just like need know help work works mean means next happen "
    "happens else long cost find make made take takes give gives good best want here following below above each every other step "
    "steps information details example explain describe list name please provide simple terms main question questions".split()
)
_QUOTED = re.compile(r"[\"“][^\"“”\n]{1,200}[\"”]")


@lru_cache(maxsize=8192)
def passage_injection_score(text: str) -> float:
    """How sure it is, in [0, 1], that ``text``, a passage, holds an order to the assistant.

    Sentence by sentence, the surest counts. Remembered, since the same passages come back.
    """
    # A full stop inside quotation marks does not end the order around it.
    unbroken = _QUOTED.sub(lambda quoted: re.sub(r"[.!?…]", " ", quoted.group()), text)
    pieces = [_plain(span.text) for span in sentences(unbroken)]
    surest = max(map(_passage_sentence_score, pieces), default=0.0)
    return surest or max((_errand_score(at, pieces) for at in range(1, len(pieces))), default=0.0)


def message_injection_score(text: str) -> float:
    """How sure it is, in [0, 1], that ``text``, a customer's message, tries to change what the bot is."""
    if len(text) < 8:
        return 0.0
    return max((_score(_plain(span.text), _ORDERS) for span in sentences(text[:8000])), default=0.0)


def _passage_sentence_score(plain: str) -> float:
    sure = _score(plain, _ORDERS)
    return sure if sure or _CORRESPONDENCE.search(plain) else _score(plain, _OUT_OF_PLACE)


def _errand_score(at: int, pieces: list[str]) -> float:
    """An errand or question that shares no word with what surrounds it was put there by someone else."""
    if not _ERRANDS.match(pieces[at]):
        return 0.0
    own = _content(pieces[at])
    around = set().union(*(_content(piece) for piece in pieces[:at] + pieces[at + 1 :]))
    return 0.6 if len(own) >= 2 and not own & around and len(around) >= 5 else 0.0


def _content(plain: str) -> set[str]:
    """The beginnings of telling words: five letters, which joins most forms of a word."""
    return {word[:5] for word in words(plain) if len(word) > 3 and word not in _COMMON}


def _score(plain: str, signs: tuple[_Sign, ...]) -> float:
    return max((sign.score for sign in signs if sign.pattern.search(plain)), default=0.0)


def _plain(sentence: str) -> str:
    return " ".join(normalise(sentence[:1000]).replace("’", "'").lower().split())
