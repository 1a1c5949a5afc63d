"""Which language a message is written in: by the words that hold it together and by its letters.

``LanguageGuesser`` says nothing where it is not sure: for whom to answer in which language.
``LanguageIdentifier`` always names the likeliest language and how likely it is: for whom to hand a ticket to.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from operator import mul
from pathlib import Path
from string import ascii_lowercase

from lingua import IsoCode639_1, Language, LanguageDetector, LanguageDetectorBuilder

from kit.yaml_text import parse_yaml
from triage.scripts import ALPHABETS, CYRILLIC, LATIN, has_japanese_han, has_kana, script_of

# What a European or North American company is written to in. Fewer languages, surer guesses: with lingua's
# 75 languages "roaming USA price" is anything.
LANGUAGES = "EN DE FR ES IT NL PT PL SV DA FI CS TR RO HU RU UK EL AR HE HI ZH JA KO VI"
SURE = 0.9  # confidence from which a language other than the expected one is believed
VERY_SURE = 0.98  # ... where a word of the expected language stands against it
HALF_SURE = 0.5  # ... where a word of its own speaks for it
FUNCTION_WORDS = Path(__file__).with_name("function_words.yaml")
_BY_WORDS = 0.95  # confidence of a language that two function words more than any other speak for
_LEAD = 2
FEWEST_LETTERS = 10  # below, lingua's low-accuracy mode guesses: "refund" is German at .32
FEWEST_WORDS = 3

_NOISE = re.compile(r"\[[A-Z_]+_[0-9]+\]|\S*(?:://|www\.|@)\S*|[\w.-]*[0-9][\w.-]*")
_WORD = re.compile(r"[^\W\d_]+")
_OTHER_SCRIPT = re.compile(r"[^\x00-\u036f\u1e00-\u20cf\u2100-\u214f]")

COMMON_WORDS = Path(__file__).with_name("common_words.yaml")
_LOANS = "loans"
_READ = 400  # characters of a message: what comes later changes nothing but the time it takes
_SAMPLE = 120  # letters that lingua is shown: its time grows with them
_LEAST = 1e-4  # probability below which lingua's "hardly" and "never" are the same
_SHORT = 2  # letters of a word that says little: "a" is a word of nine languages
_STEM = 3  # letters of the shortest stem

# Markup, code, addresses, and what has a digit in it. Latin letters only: "订单3301的发票" keeps its words.
_NO_WORDS = re.compile(
    r"```.*?(?:```|$)|`[^`]*`|<[^<>]*>|\[[A-Z_]+_[0-9]+\]|(?<![!-~])[!-~]*(?:://|www\.|@)[!-~]*"
    r"|(?<![\w.-])[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.(?:com|net|org|io)\b"
    r"|(?<![A-Za-z0-9_.-])[A-Za-z_.-]*[0-9][A-Za-z0-9_.-]*",
    re.DOTALL,
)
_CONTRACTION = re.compile(r"['’](?=(?:t|s|m|d|re|ve|ll)\b)|(?<=[\u0400-\u052f])['’ʼ]")

_ONE_LETTER = str.maketrans({"ł": "l", "ı": "i", "ø": "o", "đ": "d", "æ": "ae", "ß": "ss", "œ": "oe"})
_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "æ": "ae", "ß": "ss"})
_REMEMBERED = 8_192  # words, whose languages are known without looking again; some 8 MB
_SCRIPT_SURE = 0.99  # one language a script, but customers do paste names
_HAN_SURE = 0.95  # ... where only a few letters tell Japanese from Chinese
# Letters that one Cyrillic language has and the other has not, and their share of its text. (Latin letters
# tell nothing by their absence: many a customer leaves the accents out.)
_OWN_LETTERS = {"ru": ("ыэъё", 0.023), "uk": ("іїєґ", 0.07)}
_FAMILIES: dict[str, tuple[str, ...]] = {"latin": LATIN, "cyrillic": CYRILLIC}
_OWN_PLACES = {
    family: [(place, _OWN_LETTERS[code]) for place, code in enumerate(family) if code in _OWN_LETTERS]
    for family in _FAMILIES.values()
}
# How much each row of ``Evidence`` counts: lingua's log probability, words, short words, stems, words with
# letters that the language does not have, and letters of its own that are not there. Fitted by maximum
# likelihood, so that the softmax of the sum is a probability (test_language_identifier.py fits them again).
WEIGHTS = (0.54, 2.99, 1.5, 2.57, -1.28, -1.0)
_DECIDED = 6.0  # lead in log probability that lingua, which moves it by 5 at most, could not undo


@dataclass(frozen=True, slots=True)
class LanguageGuess:
    """``code`` is ISO 639-1 in lower case, None for "cannot say"; ``confidence`` in [0, 1]."""

    code: str | None
    confidence: float = 0.0


class LanguageGuesser:
    """Guesses with function words, and with lingua's trigram models (its low-accuracy mode) where they tie.

    Measured on a 2-core machine: 0.2 s and 30 MB to load, under 0.1 ms a message. The high-accuracy mode
    takes 2.9 s and 480 MB. Letters alone call 1.3 % of English bank questions foreign, "How do I reset my
    password" among them; with words first, 0.02 % (docs/adr/0006).
    """

    def __init__(self) -> None:
        lists: dict[str, str] = parse_yaml(FUNCTION_WORDS.read_text(encoding="utf-8"))
        self._function_words = {code: frozenset(listed.split()) for code, listed in lists.items()}

    @cached_property
    def _detector(self) -> LanguageDetector:
        codes = [getattr(IsoCode639_1, code) for code in LANGUAGES.split()]
        return LanguageDetectorBuilder.from_iso_codes_639_1(*codes).with_low_accuracy_mode().build()

    def warm_up(self) -> None:
        """Load the models now: they load with the first guess that needs them otherwise."""
        self._by_letters("this sentence is long enough to be looked at by every model")

    def guess(self, text: str, *, expected: str = "en") -> LanguageGuess:
        """The language of ``text``; no code where it is too short, mixed, or close to ``expected``.

        Another language than ``expected`` (ISO 639-1) has to be sure of itself: a customer who is
        answered in the wrong language is worse off than one who is answered in the usual one.
        """
        found = _WORD.findall(_NOISE.sub(" ", text[:1000]).lower().replace("'", "").replace("’", " "))
        letters = " ".join(found)
        foreign_script = len(_OTHER_SCRIPT.findall(letters)) >= 3
        if not foreign_script and (len(letters) < FEWEST_LETTERS or len(found) < FEWEST_WORDS):
            return LanguageGuess(None)
        counts = {code: sum(word in known for word in found) for code, known in self._function_words.items()}
        first, second = sorted(counts, key=lambda code: (-counts[code], code != expected))[:2]
        lead = counts[first] - counts[second]
        if lead >= _LEAD or (first == expected and counts[first] >= _LEAD):
            return LanguageGuess(first, _BY_WORDS)
        code, confidence = self._by_letters(letters)
        agreed = lead > 0 and code == first
        sure = SURE if not counts.get(expected) else VERY_SURE
        if code != expected and confidence < (HALF_SURE if agreed else sure):
            return LanguageGuess(None, confidence)
        return LanguageGuess(code, confidence)

    def _by_letters(self, letters: str) -> tuple[str, float]:
        best = self._detector.compute_language_confidence_values(letters)[0]
        return best.language.iso_code_639_1.name.lower(), best.value


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for each of ``languages`` in a message: a row for each of ``WEIGHTS``, a column each."""

    languages: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]

    def scores(self) -> tuple[float, ...]:
        """Sum of the weighted rows: log probabilities up to a constant."""
        return tuple(sum(map(mul, WEIGHTS, column)) for column in zip(*self.rows, strict=True))


@dataclass(frozen=True, slots=True)
class _Word:
    """The languages, by place in their family, that list a word, that list its stem, that cannot write it."""

    listed: tuple[int, ...]
    stemmed: tuple[int, ...]
    strange: tuple[int, ...]


class LanguageIdentifier:
    """Names the likeliest language of a message, from two words on, with a calibrated confidence.

    A script that one language writes decides alone. Between languages that share one, a linear model
    weighs common words and stems (their accents there or not), letters that a language does not write,
    and lingua's low-accuracy mode where these do not decide. Safe to share between threads: what changes
    after ``__init__`` is only which words it remembers.

    Measured on a 2-core machine: 0.5 s and 37 MB to load (shared with ``LanguageGuesser``), under 0.2 ms for
    a message of six words. On 635 held-out messages in 26 languages, at the first look: 97.2 % right, ECE
    .008. lingua alone, on 548 of the others: low-accuracy mode 90 %; high-accuracy mode 97.3 %, for 0.5 GB.
    Norwegian and Danish remain the likeliest to be taken for each other: some sentences are both.
    """

    def __init__(self) -> None:
        lists: dict[str, str] = parse_yaml(COMMON_WORDS.read_text(encoding="utf-8"))
        self._loans = frozenset(lists.pop(_LOANS).split())
        self._words = _spellings(lists, stems=False)
        self._stems = _spellings(lists, stems=True)
        self._letters = {code: frozenset(ascii_lowercase + more) for code, more in ALPHABETS.items()}
        self._detectors = {family: _detector_of(family) for family in _FAMILIES.values()}
        self._speaks_for = lru_cache(_REMEMBERED)(self._languages_of)

    def warm_up(self) -> None:
        """Load lingua's models now: they load with the first messages that need them otherwise."""
        for family, text in ((LATIN, "every model reads this"), (CYRILLIC, "это читают все модели")):
            self._by_letters(text, family)

    def identify(self, text: str) -> LanguageGuess:
        """The likeliest language of ``text``; no code where it has no words besides links, code and numbers.

        The first 400 characters count. A text in a language that is not known gets the nearest one.
        """
        own = self._own_words(text)
        if not own:
            return LanguageGuess(None)
        letters = " ".join(own)
        script = script_of(letters)
        if script not in _FAMILIES:
            return _by_script(script, letters)
        evidence, scores = self._evidence(own, script)
        best = max(scores)
        confidence = 1 / sum(math.exp(score - best) for score in scores)
        return LanguageGuess(evidence.languages[scores.index(best)], confidence)

    def evidence(self, text: str) -> Evidence | None:
        """What ``WEIGHTS`` are fitted on; None where the script decides alone, or without words."""
        own = self._own_words(text)
        script = script_of(" ".join(own))
        return self._evidence(own, script)[0] if own and script in _FAMILIES else None

    def _evidence(self, own: Sequence[str], script: str) -> tuple[Evidence, tuple[float, ...]]:
        """With its scores."""
        family = _FAMILIES[script]
        words, short, stems, strange = ([0.0] * len(family) for _ in range(4))
        for word in own:
            said = self._speaks_for(word, script)
            counted = short if len(word) <= _SHORT else words
            for place in said.listed:
                counted[place] += 1
            for place in said.stemmed:
                stems[place] += 1
            for place in said.strange:
                strange[place] += 1
        rows = tuple(map(tuple, (words, short, stems, strange, _plain(own, family))))
        by_words = Evidence(family, ((0.0,) * len(family), *rows))
        scores = by_words.scores()
        second, first = sorted(scores)[-2:]
        if first - second >= _DECIDED:
            return by_words, scores
        found = Evidence(family, (self._by_letters(" ".join(own)[:_SAMPLE], family), *rows))
        return found, found.scores()

    def _languages_of(self, word: str, script: str) -> _Word:
        family = _FAMILIES[script]
        listed = self._words.get(word, frozenset())
        stemmed = self._stemmed(word) - listed
        foreign = () if word.isascii() else family
        return _Word(
            tuple(place for place, code in enumerate(family) if code in listed),
            tuple(place for place, code in enumerate(family) if code in stemmed),
            tuple(place for place, code in enumerate(foreign) if not self._letters[code].issuperset(word)),
        )

    def _own_words(self, text: str) -> Sequence[str]:
        """The words of ``text`` that are no loan words, or all where all are."""
        found = _words_of(text)
        return [word for word in found if word not in self._loans] or found

    def _stemmed(self, word: str) -> frozenset[str]:
        stems = (self._stems.get(word[:end]) for end in range(_STEM, len(word) + 1))
        return frozenset().union(*filter(None, stems))

    def _by_letters(self, letters: str, family: tuple[str, ...]) -> tuple[float, ...]:
        detector, languages = self._detectors[family]
        found = {
            value.language: value.value for value in detector.compute_language_confidence_values(letters)
        }
        return tuple(math.log(max(found[language], _LEAST)) for language in languages)


def _detector_of(family: tuple[str, ...]) -> tuple[LanguageDetector, tuple[Language, ...]]:
    codes = [getattr(IsoCode639_1, "NB" if code == "no" else code.upper()) for code in family]
    languages = tuple(Language.from_iso_code_639_1(code) for code in codes)
    return LanguageDetectorBuilder.from_languages(*languages).with_low_accuracy_mode().build(), languages


def _plain(own: Sequence[str], family: tuple[str, ...]) -> list[float]:
    """How many letters of its own each language would have had in words that have none of them."""
    plain = [0.0] * len(family)
    for place, (marks, rate) in _OWN_PLACES[family]:
        if all(map(set(marks).isdisjoint, own)):
            plain[place] = sum(map(len, own)) * rate
    return plain


def _words_of(text: str) -> list[str]:
    read = _NO_WORDS.sub(" ", text[: 2 * _READ])[:_READ].replace("İ", "i")
    return _WORD.findall(_CONTRACTION.sub("", unicodedata.normalize("NFC", read).lower()))


def _by_script(script: str, letters: str) -> LanguageGuess:
    if script != "zh":
        return LanguageGuess(script, _SCRIPT_SURE)
    if has_kana(letters):
        return LanguageGuess("ja", _SCRIPT_SURE)
    return LanguageGuess("ja" if has_japanese_han(letters) else "zh", _HAN_SURE)


def _spellings(lists: dict[str, str], *, stems: bool) -> dict[str, frozenset[str]]:
    """Languages by word (or by stem), as it is written and as it is where a keyboard lacks its accents."""
    languages: dict[str, set[str]] = defaultdict(set)
    for code, listed in lists.items():
        for entry in listed.split():
            if entry.endswith("*") is not stems:
                continue
            word = entry.rstrip("*")
            for spelling in {word} if code in CYRILLIC else {word, _bare(word), word.translate(_TWO_LETTERS)}:
                languages[spelling].add(code)
    return {word: frozenset(codes) for word, codes in languages.items()}


def _bare(word: str) -> str:
    apart = unicodedata.normalize("NFD", word.translate(_ONE_LETTER))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))
