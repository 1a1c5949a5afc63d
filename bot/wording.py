"""Words as evidence: which of them carry meaning, and when two of them are the same."""

from __future__ import annotations

import re
from functools import lru_cache

from kit.text import words

# Function words of English, and the verbs and courtesies customers wrap around a question.
_STOP_WORDS = """
a about after again against all am an and any are as at be because been before being below between both
but by can can't cannot could couldn't did didn't do does doesn't doing don't down during each few for
from further get got had has have haven't having he hello her here hers hi him his how i i'd i'll i'm i've
if in into is isn't it it's its itself just know let like many may me might more most much must my myself
need of off ok okay on once one only or other our ours out over own please really s same shall she should
shouldn't so some such sure t tell than thank thanks that that's the their theirs them then there these
they they're this those through to too under until up us very want was wasn't we we're were what what's
when where which while who whom why will with won't would wouldn't you you'd you'll you're your yours
yourself
"""
_STOP = frozenset(_STOP_WORDS.split())
_COUNTED = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen twenty
"""
_TENS = "thirty forty fifty sixty seventy eighty ninety"
# "one" stays a word: it is a pronoun more often than a count.
_IRREGULAR = {word: str(value) for value, word in enumerate(_COUNTED.split()) if word != "one"} | {
    **{word: str(10 * value) for value, word in enumerate(_TENS.split(), start=3)},
    "used": "use",
    "using": "use",
}
_CONTRACTED = {"ca": "can", "wo": "will", "sha": "shall"}
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)")
# Longest first; what stays must keep three letters, or "is" and "as" would shrink to nothing.
_SUFFIXES = (
    ("ations", ""), ("ation", ""), ("ments", ""), ("ingly", ""), ("ment", ""), ("ings", ""),
    ("sses", "ss"), ("edly", ""), ("ies", "y"), ("ing", ""), ("ers", "er"), ("ed", ""), ("es", ""),
    ("ly", ""), ("s", ""),
)  # fmt: skip
_SHORTEST_STEM = 3


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """``word`` (lower case) without its inflection; numbers in digits.

    A light stripper: it must put "cancelled" beside "cancel" and "two" beside "2", not be a linguist.
    """
    word = _IRREGULAR.get(word, word)
    if word[:1].isdigit():
        ordinal = _ORDINAL.fullmatch(word)
        return ordinal.group(1) if ordinal else word
    if len(word) <= _SHORTEST_STEM:
        return word
    return _tidy(_without_suffix(word))


def terms(text: str) -> list[str]:
    """Every word of ``text``, stemmed, in order; compounds in their parts, negations spelled out."""
    found: list[str] = []
    for word in words(text):
        plain = word.replace("’", "'")
        if plain.endswith("n't"):
            verb = plain[:-3]
            found += [*([stem(_CONTRACTED.get(verb, verb))] if verb else []), "not"]
            continue
        plain = plain.removesuffix("'s")
        found += [stem(part) for part in _parts(plain)]
    return found


@lru_cache(maxsize=4096)
def content_terms(text: str) -> frozenset[str]:
    """The words of ``text`` that say what it is about, stemmed; a name with its number too ("hub 3")."""
    found: set[str] = set()
    previous = ""
    for word in words(text):
        plain = word.replace("’", "'")
        if plain in _STOP:
            previous = ""
            continue
        for part in _parts(plain.removesuffix("'s")):
            term = stem(part)
            found.add(term)
            if term.isdigit() and previous and not previous[0].isdigit():
                found.add(f"{previous} {term}")
            previous = term
    return frozenset(found)


def is_function_word(term: str) -> bool:
    """Whether ``term``, as ``terms`` yields it, says little by itself."""
    return term in _function_terms()


@lru_cache(maxsize=1)
def _function_terms() -> frozenset[str]:
    return frozenset(stem(word) for word in _STOP)


def _parts(word: str) -> list[str]:
    if "-" not in word:
        return [word]
    first, *rest = word.split("-")
    if len(first) <= 2 and first.isalpha():  # wi-fi, e-mail, e-sim are written as one word as often
        return [word.replace("-", "")]
    return [part for part in (first, *rest) if part]


def _without_suffix(word: str) -> str:
    for suffix, replacement in _SUFFIXES:
        if not word.endswith(suffix) or len(word) - len(suffix) < _SHORTEST_STEM:
            continue
        if suffix == "s" and word[-2] in "su":
            continue
        return word[: -len(suffix)] + replacement
    return word


def _tidy(word: str) -> str:
    if len(word) > _SHORTEST_STEM and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]  # stopped -> stopp -> stop
    if len(word) > _SHORTEST_STEM and word.endswith(("e", "ll")):
        word = word[:-1]  # charge, charged -> charg; cancelled -> cancel
    if len(word) > 2 * _SHORTEST_STEM and word.endswith("at"):
        word = word[:-2]  # activate -> activ, as activation
    if len(word) > _SHORTEST_STEM and word.endswith("i"):
        word = word[:-1] + "y"
    return word
