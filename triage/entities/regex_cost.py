"""How many ways a regular expression may try from one place, before it is let near a customer's text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from re import _constants as op  # type: ignore[attr-defined]  # the parser of re: typeshed leaves it out
from re import _parser as parser  # type: ignore[attr-defined]  # as above
from typing import Any

WINDOW = 512  # characters of a text that a pattern is tried on at a time: nothing repeats more often

_Node = Any  # of the parser of re, which has no types
_Nodes = Any


@dataclass(frozen=True, slots=True)
class _Rest:
    """What follows in a pattern: what it may begin with, the most steps it takes, and if it cannot fail."""

    first: frozenset[int]
    steps: float
    sure: bool


_ALPHABET = range(0x251)  # and one character, its last, that stands for every other
_ALL = frozenset(_ALPHABET)
_END = _Rest(_ALL, 0, sure=True)
_REPEATS = {op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT}
_UNROLLED = 12  # repeats of a group
_TOO_MANY = 10**9  # steps from which on nobody needs to know how many
_CATEGORIES: dict[_Node, Callable[[str], bool]] = {
    op.CATEGORY_DIGIT: str.isdigit,
    op.CATEGORY_SPACE: str.isspace,
    op.CATEGORY_WORD: lambda character: character.isalnum() or character == "_",
}


def parsed(regex: str) -> _Nodes:
    """What the parser of ``re`` makes of ``regex``. Raises what ``re.compile`` does."""
    return parser.parse(regex)


def most_steps(tree: _Nodes) -> float:
    """The most steps that a parsed pattern takes from one place of a window, infinite where nobody knows."""
    return _before(tree, _END).steps


def _before(items: _Nodes, rest: _Rest) -> _Rest:
    """What follows from the start of ``items``, a parsed pattern, when ``rest`` follows it."""
    for code, argument in reversed(list(items)):
        rest = _one_before(code, argument, rest)
        if rest.steps > _TOO_MANY:
            break
    return rest


def _one_before(code: _Node, argument: _Node, rest: _Rest) -> _Rest:
    single = _single(code, argument)
    if single is not None:
        return _Rest(single, 1 + rest.steps, sure=False)
    if code in _REPEATS:
        return _repeated(argument[0], argument[1], argument[2], rest)
    if code is op.BRANCH:
        ways = [_before(branch, rest) for branch in argument[1]]
        first = frozenset[int]().union(*(way.first for way in ways))
        return _Rest(first, sum(way.steps for way in ways), any(way.sure for way in ways))
    if code in {op.SUBPATTERN, op.ATOMIC_GROUP}:
        return _before(argument[3] if code is op.SUBPATTERN else argument, rest)
    if code in {op.ASSERT, op.ASSERT_NOT, op.AT}:
        inside = 1 if code is op.AT else _before(argument[1], _END).steps
        return _Rest(rest.first, inside + rest.steps, sure=False)
    return _Rest(_ALL, float("inf"), sure=False)  # references to a group: their cost is not known


def _repeated(least: int, most: int, items: _Nodes, rest: _Rest) -> _Rest:
    most = min(int(most), WINDOW)
    least = min(int(least), most)
    single = _single(*items[0]) if len(items) == 1 else None
    choices = most - least + 1
    if single is not None:
        again = rest.steps * (choices if single & rest.first and not rest.sure else 1)
        first = single if least else single | rest.first
        return _Rest(first, most + again, sure=rest.sure and not least)
    if most > _UNROLLED:
        return _chained(least, items, rest)
    end = rest
    for number in range(most, 0, -1):
        if rest.steps > _TOO_MANY:  # or groups within groups would take for ever here
            break
        once = _before(items, rest)
        optional = number > least
        rest = _Rest(
            once.first | end.first if optional else once.first,
            once.steps + (end.steps if optional else 0),
            sure=end.sure and optional,
        )
    return rest


def _chained(least: int, items: _Nodes, rest: _Rest) -> _Rest:
    """A group that repeats often: it must begin with a character that nothing else in it may be.

    Then each end of the whole is reached in one way, and what follows is tried at most once from each.
    """
    begin = _single(*items[0]) if len(items) else None
    inner = [_repeated_single(code, argument) for code, argument in list(items)[1:]]
    inside = [one for one in inner if one is not None]
    apart = all(not one & other for one, other in pairwise([*inside, begin or _ALL]))
    if begin is None or len(inside) < len(inner) or any(one & begin for one in inside) or not apart:
        return _Rest(_ALL, float("inf"), sure=False)
    steps = 2 * WINDOW + rest.steps * (1 if rest.sure else WINDOW)
    return _Rest(begin if least else begin | rest.first, steps, sure=rest.sure and not least)


def _repeated_single(code: _Node, argument: _Node) -> frozenset[int] | None:
    if code in _REPEATS and len(argument[2]) == 1:
        return _single(*argument[2][0])
    return _single(code, argument)


def _single(code: _Node, argument: _Node) -> frozenset[int] | None:
    """The characters of what matches exactly one, in either case, or none for what does not."""
    if code is op.ANY:
        return _ALL
    if code is op.LITERAL:
        return _both_cases({min(argument, _ALPHABET[-1])})
    if code is op.NOT_LITERAL:
        return _ALL - {argument} | {_ALPHABET[-1]}
    if code is not op.IN:
        return None
    members: set[int] = set()
    negated = False
    for kind, value in argument:
        if kind is op.NEGATE:
            negated = True
        elif kind is op.LITERAL:
            members.add(min(value, _ALPHABET[-1]))
        elif kind is op.RANGE:
            members.update(range(min(value[0], _ALPHABET[-1]), min(value[1], _ALPHABET[-1]) + 1))
        else:
            members |= _category(value)
    if negated:
        return _ALL - members | {_ALPHABET[-1]}
    return _both_cases(members)


def _category(code: _Node) -> frozenset[int]:
    if code in _CATEGORIES:
        return frozenset(one for one in _ALPHABET if _CATEGORIES[code](chr(one))) | {_ALPHABET[-1]}
    opposite = {op.CATEGORY_NOT_DIGIT: op.CATEGORY_DIGIT, op.CATEGORY_NOT_SPACE: op.CATEGORY_SPACE}
    inside = _CATEGORIES[opposite.get(code, op.CATEGORY_WORD)]
    return frozenset(one for one in _ALPHABET if not inside(chr(one))) | {_ALPHABET[-1]}


def _both_cases(members: set[int]) -> frozenset[int]:
    cased = {ord(one) for number in members for one in chr(number).swapcase() if ord(one) in _ALPHABET}
    return frozenset(members | cased)
