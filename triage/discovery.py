"""Intents that nobody has named yet, among the messages that triage was not sure of.

Average-linkage clustering, cut where messages are no longer like each other, then without the members that
are unlike the rest. Chosen on the shipped taxonomies' own messages (83 intents, real encoder, 24 draws): of
three intents of 15 messages hidden among 40 others, it finds 44 % (at least 80 % pure and 40 % whole) in
groups that are 82 % pure, and 58 % at 84 % with the vectors of the known labels, whose mean is what all
messages of a company have in common. The best HDBSCAN of eight found 33 % at 65 %, Ward linkage 33 % at 55 %.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import yaml
from numpy.typing import NDArray
from sklearn.cluster import AgglomerativeClustering

from inference.embeddings import Matrix, Vector
from kit.personal_data import find_personal_data
from kit.privacy import redact
from kit.text import words
from triage.language import FUNCTION_WORDS
from triage.text_hash import normalised

# Cosine with a known label from which it may be that label: of the shipped taxonomies, 78 % of eight messages
# are as near to the rest of their intent, 24 % to another.
CLOSE = 0.75
EXAMPLES = 10
UNNAMED = "unnamed"  # no word is common to its messages
_MOST = 3000  # messages that are clustered: 72 MB of distances; the others join what is found
_ENOUGH_KNOWN = 10  # labels whose mean is what all have in common
_APART, _ALIKE = 0.7, 0.5  # cosine distance between groups, cosine of a member with the others
_APART_CENTRED, _ALIKE_CENTRED = 0.78, 0.4  # ... once what all have in common is taken away
_COHERENT = 0.65  # of what has no name: strangers that only have it in common to be strangers have .45 to .63
_TERMS = 3  # in a name
_TELLING = 0.4  # score of a term of a name, as a share of the best's
_SPREAD = 0.2  # share of a group's messages that have a term
_SHOWN = 300  # characters of an example
_POLITE = frozenset("please thanks thank hello hi hey dear regards kind best bitte danke hallo".split())  # noqa: SIM905
_WORD = re.compile(r"[^\W\d_]{3,}(?:-[^\W\d_]{2,})*")


@dataclass(frozen=True, slots=True)
class NearestLabel:
    """A known label and its cosine with the centre of a group, in [-1, 1]."""

    name: str
    similarity: float


@dataclass(frozen=True, slots=True)
class NewIntent:
    """A group of like messages.

    ``name`` is in snake_case and free of personal data, as are ``examples``, the nearest to its centre first.
    ``members`` are the places of all its messages in what was given, nearest first. ``cohesion`` is their
    mean cosine with the centre, in [-1, 1].
    """

    name: str
    description: str
    examples: tuple[str, ...]
    members: tuple[int, ...]
    cohesion: float
    nearest: NearestLabel | None

    @property
    def size(self) -> int:
        """How many messages it has."""
        return len(self.members)

    @property
    def advice(self) -> str:
        """What to do with it, such as "close to billing.refund (0.81): widen it?"."""
        if self.nearest is None or self.nearest.similarity < CLOSE:
            return f"new: add {self.name}?"
        return f"close to {self.nearest.name} ({self.nearest.similarity:.2f}): widen it?"


def discover(
    texts: Sequence[str],
    vectors: Matrix,
    *,
    known: Mapping[str, Vector] | None = None,
    least: int = 5,
    seed: int = 0,
) -> list[NewIntent]:
    """Groups among ``texts`` that were out of scope or unsure, the largest first.

    ``vectors`` (texts, dimensions) have unit rows, as have the vectors of ``known`` labels. A group has
    ``least`` different messages or more. The same arguments give the same groups; ``seed`` draws the 3,000
    messages that are clustered where there are more.
    """
    if len(texts) != len(vectors):
        raise ValueError(f"{len(texts)} texts and {len(vectors)} vectors")
    places = _different(texts)
    firsts = np.array(sorted(copies[0] for copies in places.values()), dtype=np.intp)
    if len(firsts) < max(least, 2):
        return []
    labels = known or {}
    matrix = np.asarray(vectors, np.float64)
    space, apart, alike = _space(matrix[firsts], labels)
    groups = _groups(space, apart=apart, alike=alike, least=least, seed=seed)
    copies = {same[0]: same for same in places.values()}
    said = telling_words(texts[place] for place in firsts)
    rest = [said[row] for row in _others(groups, len(firsts))]
    names = _names([[said[row] for row in group] for group in groups], rest)
    found = [
        _intent(
            texts, matrix, [place for first in firsts[group] for place in copies[int(first)]], name, labels
        )
        for group, name in zip(groups, names, strict=True)
    ]
    sound = [intent for intent in found if intent.name != UNNAMED or intent.cohesion >= _COHERENT]
    return sorted(sound, key=lambda intent: (-intent.size, intent.members))


def telling_words(texts: Iterable[str]) -> list[tuple[str, ...]]:
    """For each text the words, in order, that say what it is about: no digits, no function words.

    Nor any that is part of personal data in one of the texts, however it stands in another.
    """
    said, personal = [], set[str]()
    for text in texts:
        pieces, last = [], 0
        for span in find_personal_data(text):
            personal.update(words(span.text.replace("@", " ")))
            pieces.append(text[last : span.start])
            last = span.end
        pieces.append(text[last:])
        said.append(
            [word for word in words(" ".join(pieces)) if _WORD.fullmatch(word) and not _is_filler(word)]
        )
    return [tuple(word for word in one if word not in personal) for one in said]


def is_personal(word: str) -> bool:
    """Whether ``word``, in lower case, is somebody's first name."""
    return bool(find_personal_data(word.capitalize()))


def _different(texts: Sequence[str]) -> dict[str, list[int]]:
    """Places of the same text, whatever its case and spaces: a mailing is one message, however often sent."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, text in enumerate(texts):
        key = normalised(text)
        if key:
            places[key].append(place)
    return places


def _space(
    vectors: NDArray[np.float64], known: Mapping[str, Vector]
) -> tuple[NDArray[np.float64], float, float]:
    """The vectors to cluster, the distance at which groups are apart, the cosine at which members are alike.

    Not without their own mean: of many messages about one thing it is that thing.
    """
    if len(known) < _ENOUGH_KNOWN:
        return _unit(vectors), _APART, _ALIKE
    common = np.mean([np.asarray(vector, np.float64) for vector in known.values()], axis=0)
    return _unit(vectors - common), _APART_CENTRED, _ALIKE_CENTRED


def _groups(
    space: NDArray[np.float64], *, apart: float, alike: float, least: int, seed: int
) -> list[NDArray[np.intp]]:
    """Rows of each group, in order."""
    rows = np.arange(len(space))
    if len(rows) > _MOST:
        rows = np.sort(np.random.default_rng(seed).choice(len(space), _MOST, replace=False))
    clustering = AgglomerativeClustering(
        n_clusters=None, metric="cosine", linkage="average", distance_threshold=apart
    )
    found = clustering.fit_predict(space[rows])
    groups = []
    for cluster in range(int(found.max()) + 1):
        members = rows[found == cluster]
        if len(members) >= least:
            members = members[_with_others(space[members]) >= alike]
        if len(members) >= least:
            groups.append(members)
    return _with_rest(space, groups, np.setdiff1d(np.arange(len(space)), rows))


def _with_others(members: NDArray[np.float64]) -> NDArray[np.float64]:
    """The cosine of each member with the centre of the others."""
    others = _unit(members.sum(axis=0) - members)
    return np.asarray((others * members).sum(axis=1))


def _with_rest(
    space: NDArray[np.float64], groups: list[NDArray[np.intp]], rest: NDArray[np.intp]
) -> list[NDArray[np.intp]]:
    """The groups with those of the ``rest`` that are nearer to a centre than a quarter of its members."""
    if not groups or not len(rest):
        return groups
    centres = _unit(np.stack([space[group].sum(axis=0) for group in groups]))
    limits = np.array(
        [np.quantile(space[group] @ centre, 0.25) for group, centre in zip(groups, centres, strict=True)]
    )
    cosines = space[rest] @ centres.T
    nearest = cosines.argmax(axis=1)
    joins = cosines[np.arange(len(rest)), nearest] >= limits[nearest]
    return [
        np.sort(np.concatenate([group, rest[joins & (nearest == number)]]))
        for number, group in enumerate(groups)
    ]


def _others(groups: Sequence[NDArray[np.intp]], total: int) -> list[int]:
    grouped = {int(row) for group in groups for row in group}
    return [row for row in range(total) if row not in grouped]


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12))


def _intent(
    texts: Sequence[str],
    vectors: NDArray[np.float64],
    places: Sequence[int],
    name: Sequence[str],
    known: Mapping[str, Vector],
) -> NewIntent:
    centre = _unit(vectors[places].sum(axis=0))
    cosines = vectors[places] @ centre
    order = [places[at] for at in np.lexsort((np.array(places), -cosines))]
    examples = _examples(texts[place] for place in order)
    label = "_".join(name) or UNNAMED
    return NewIntent(
        name=re.sub(r"\W+", "_", label),
        description=_description(name, examples[0]),
        examples=examples,
        members=tuple(map(int, order)),
        cohesion=float(cosines.mean()),
        nearest=_nearest(centre, known),
    )


def _examples(texts: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for text in texts:
        plain = " ".join(redact(text).text.split())
        found.setdefault(plain.casefold(), plain if len(plain) <= _SHOWN else plain[: _SHOWN - 1] + "…")
        if len(found) == EXAMPLES:
            break
    return tuple(found.values())


def _description(name: Sequence[str], example: str) -> str:
    terms = name[0] if len(name) == 1 else f"{', '.join(name[:-1])} and {name[-1]}" if name else "one thing"
    return f'Messages about {terms}, such as "{example}"'


def _nearest(centre: NDArray[np.float64], known: Mapping[str, Vector]) -> NearestLabel | None:
    if not known:
        return None
    cosines = {name: float(np.asarray(vector, np.float64) @ centre) for name, vector in known.items()}
    name = max(cosines, key=lambda each: (cosines[each], each))
    return NearestLabel(name, cosines[name])


def _names(groups: Sequence[list[tuple[str, ...]]], rest: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Terms of each group by class-based TF-IDF (Grootendorst 2022), those left over being one more class.

    A message counts a term once: one customer who repeats himself names nothing.
    """
    counts = [Counter(_stem(word) for said in group for word in set(said)) for group in [*groups, rest]]
    total = sum(counts, Counter())
    mean = sum(total.values()) / len(counts)
    taken: set[tuple[str, ...]] = set()
    names = []
    for group, own in zip(groups, counts, strict=False):
        scores = {
            term: count / len(group) * math.log1p(mean / total[term])
            for term, count in own.items()
            if count >= max(2, _SPREAD * len(group))
        }
        ranked = [
            term for term in sorted(scores, key=lambda term: (-scores[term], term)) if not is_personal(term)
        ]
        name = _name(ranked, scores, group, taken)
        taken.add(name)
        names.append(name)
    return names


def _name(
    ranked: Sequence[str],
    scores: Mapping[str, float],
    group: Sequence[tuple[str, ...]],
    taken: set[tuple[str, ...]],
) -> tuple[str, ...]:
    """The best terms in the order in which people write them; one more while another group is called so."""
    if not ranked:
        return ()
    best = [term for term in ranked[:_TERMS] if scores[term] >= _TELLING * scores[ranked[0]]]
    for further in range(len(best), len(ranked) + 1):
        name = _in_reading_order(ranked[:further], group)
        if name not in taken:
            break
    return name


def _in_reading_order(terms: Sequence[str], group: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    places: dict[str, list[float]] = defaultdict(list)
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    for said in group:
        for place, word in enumerate(said):
            if (stem := _stem(word)) in terms:
                places[stem].append(place / len(said))
                forms[stem][word] += 1
    ordered = sorted(terms, key=lambda term: (sum(places[term]) / len(places[term]), term))
    return tuple(max(forms[term], key=lambda form: (forms[term][form], form)) for term in ordered)


def _stem(word: str) -> str:
    """Without the plural's s, and no more: terms are shown to people."""
    return word[:-1] if len(word) > 4 and word.endswith("s") and not word.endswith("ss") else word


def _is_filler(word: str) -> bool:
    return word in _POLITE or word in _function_words()


@lru_cache(maxsize=1)
def _function_words() -> frozenset[str]:
    by_language = yaml.load(FUNCTION_WORDS.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506 (no objects)
    return frozenset(word for line in by_language.values() for word in str(line).split())
