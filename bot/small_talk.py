"""What a message is when it is no question: small talk, a wish for a person, abuse, or a cry for help.

The phrases are data (``phrases.yaml``); this file matches them. "Only what is said in phrases" decides:
what is left over once every known phrase and filler is taken away makes the message a question.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from kit.yaml_text import parse_yaml

PHRASES = Path(__file__).with_name("phrases.yaml")
LONGEST = 240  # characters of a normalised message that can still be small talk; a longer one has content


class Intent(StrEnum):
    """What a customer wants with a turn; all but ``QUESTION`` are answered without looking anything up."""

    QUESTION = "question"
    GREETING = "greeting"
    HOW_ARE_YOU = "how_are_you"
    THANKS = "thanks"
    GOODBYE = "goodbye"
    IDENTITY = "identity"  # who or what are you: answered honestly
    ACKNOWLEDGEMENT = "acknowledgement"  # ok, I see
    YES = "yes"  # an answer to what the bot asked last, if it asked anything
    NO = "no"
    EMPTY = "empty"  # emoji, "test", "I have a question": nothing to look up
    NOT_HELPED = "not_helped"  # "that is not what I asked": offer a person
    HUMAN = "human"  # wants a person: hand over
    ABUSE = "abuse"  # insults and nothing else: calm reply, offer a person
    THREAT = "threat"  # threatens violence: hand over
    SELF_HARM = "self_harm"  # may hurt themselves: hand over, with care

    @property
    def hands_over(self) -> bool:
        """Whether a person has to take the conversation."""
        return self in {Intent.HUMAN, Intent.THREAT, Intent.SELF_HARM}


@dataclass(frozen=True, slots=True)
class IntentGuess:
    """``intent``, and the language (ISO 639-1) of the phrases that gave it away where they are telling."""

    intent: Intent
    language: str | None = None


@dataclass(frozen=True, slots=True)
class _Phrase:
    intent: Intent
    language: str | None
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class _Parse:
    """A way to read the beginning of a clause as phrases: what it took, cheapest first."""

    pieces: int = 0
    phrases: tuple[_Phrase, ...] = ()


class Phrasebook:
    """The phrases of ``phrases.yaml``, compiled; and the replies to them."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        lists = data["lists"]
        self._anywhere = _compile(data["anywhere"], lists, r"\b(?:{})\b")
        self._whole = _compile(data["whole"], lists, r"(?:{})(?: |$)")
        self._order = {
            phrase.intent: rank for rank, phrase in enumerate(reversed(self._anywhere + self._whole))
        }
        self._fillers = re.compile(rf"(?:{data['fillers']})(?: |$)")
        self._reasons = re.compile(rf"(?:{data['reasons']})(?: |$)")
        self._spelling = Spelling([str(word) for word in data["often_mistyped"]])
        self._emoji = {symbol: f" {word} " for symbol, word in data["emoji"].items()}
        self._replies: Mapping[str, Mapping[str, str]] = data["replies"]

    @classmethod
    def load(cls, path: Path = PHRASES) -> Phrasebook:
        """The phrasebook at ``path`` (YAML). Takes about 50 ms."""
        return cls(parse_yaml(path.read_text(encoding="utf-8")))

    def intent_of(self, text: str) -> IntentGuess:
        """What ``text`` (redacted or not) is when it is no question; see the module for what decides."""
        clauses = [self._normalise(clause) for clause in _CLAUSE.split(self._spell_emoji(text[:4000]))]
        joined = " ".join(clause for clause in clauses if clause)
        for phrase in self._anywhere:
            if phrase.pattern.search(joined):
                return IntentGuess(phrase.intent, phrase.language)
        if not joined:
            return IntentGuess(Intent.EMPTY)
        parses = [self._parse(clause) for clause in clauses if clause]
        found = [phrase for parse in parses if parse for phrase in parse.phrases]
        wishes = [phrase for phrase in found if phrase.intent is Intent.HUMAN]
        if wishes:
            return IntentGuess(Intent.HUMAN, wishes[0].language)
        if len(joined) > LONGEST or not all(parses):
            whole = self._parse(joined) if len(joined) <= LONGEST else None
            if whole is None:
                return IntentGuess(Intent.QUESTION)
            found = list(whole.phrases)
        best = max(found, key=lambda phrase: self._order[phrase.intent], default=None)
        return IntentGuess(best.intent, best.language) if best else IntentGuess(Intent.EMPTY)

    def reply_to(self, intent: Intent, *, language: str) -> str | None:
        """What to say to ``intent`` in ``language`` (English where there is none); None for a question."""
        return None if intent is Intent.QUESTION else self.say(intent, language=language)

    def refusal(self, *, language: str) -> str:
        """What to say to a message that gives the assistant orders and asks nothing it may answer."""
        return self.say("injection", language=language)

    def say(self, key: str, *, language: str) -> str:
        """The reply ``key`` of phrases.yaml in ``language``, or in English where there is none."""
        return self._replies.get(language, self._replies["en"])[key]

    def _normalise(self, clause: str) -> str:
        plain = unicodedata.normalize("NFKC", clause).lower().replace("'", "").replace("’", "")
        tokens = _TOKEN.findall(_STRETCHED.sub(r"\1", plain))
        return " ".join(self._spelling.correct(token) for token in tokens)

    def _spell_emoji(self, text: str) -> str:
        if text.isascii():
            return text
        return "".join(self._emoji.get(character, character) for character in text)

    def _parse(self, clause: str) -> _Parse | None:
        """The cheapest way to read all of ``clause`` as phrases and fillers, None where there is none.

        Shortest path over positions: most questions end at position 0, where nothing matches.
        """
        best: dict[int, _Parse] = {0: _Parse()}
        for position in range(len(clause)):
            here = best.get(position)
            if here is None:
                continue
            for end, phrase in self._steps(clause, position, here):
                phrases = (*here.phrases, phrase) if phrase else here.phrases
                if end not in best or best[end].pieces > here.pieces + 1:
                    best[end] = _Parse(here.pieces + 1, phrases)
        return best.get(len(clause))

    def _steps(self, clause: str, position: int, here: _Parse) -> list[tuple[int, _Phrase | None]]:
        steps: list[tuple[int, _Phrase | None]] = []
        for phrase in self._whole:
            if match := phrase.pattern.match(clause, position):
                steps.append((match.end(), phrase))  # noqa: PERF401 (a match is needed twice)
        if match := self._fillers.match(clause, position):
            steps.append((match.end(), None))
        # "The person I sent money to" wants nobody: a wish that goes on is at least "talk to somebody".
        wish = (
            here.phrases and here.phrases[-1].intent is Intent.HUMAN and clause.count(" ", 0, position) >= 3
        )
        if wish and self._reasons.match(clause, position):
            steps.append((len(clause), None))
        return steps


class Spelling:
    """Corrects words that are one letter away from a given list (two for ten letters and more).

    Missing, doubled, changed and swapped letters count (Damerau 1964), found through deletions as in
    SymSpell; the first letter must be right.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words = frozenset(words)
        self._by_deletion: dict[str, str] = {}
        for word in words:
            for form in _deletions(word, 2 if len(word) >= 10 else 1):
                self._by_deletion.setdefault(form, word)

    def correct(self, token: str) -> str:
        """The listed word that ``token`` was meant to be, or ``token``."""
        if token in self._words or not 4 <= len(token) <= 20:
            return token
        for form in _deletions(token, 1):
            word = self._by_deletion.get(form)
            if word is not None and word[0] == token[0] and abs(len(word) - len(token)) <= 1:
                return token if token + "r" == word or token == word + "s" else word
        return token


def _deletions(word: str, count: int) -> set[str]:
    forms = {word}
    for _ in range(count):
        forms |= {form[:at] + form[at + 1 :] for form in forms for at in range(len(form))}
    return forms


def _compile(
    phrases: Mapping[str, Sequence[str | Mapping[str, str]]], lists: Mapping[str, object], frame: str
) -> list[_Phrase]:
    compiled = []
    for intent, entries in phrases.items():
        for entry in entries:
            language, source = next(iter(entry.items())) if isinstance(entry, Mapping) else (None, entry)
            for _ in range(2):  # lists may name lists
                source = re.sub(r"\{(\w+)\}", lambda match: str(lists[match[1]]), source)
            compiled.append(_Phrase(Intent(intent), language, re.compile(frame.format(source))))
    return compiled


_CLAUSE = re.compile(r"[.!?,;:\n…()¿¡]+|\s[-–—]+\s")
_TOKEN = re.compile(r"\[[a-z_]+_[0-9]+\]|[^\W_]+")
_STRETCHED = re.compile(r"([^\W\d_])\1{2,}")  # "heyyyy", "sooooo"
