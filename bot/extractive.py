"""The answerer that needs no language model: whole sentences, lists and table rows, in a readable order."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from bot.answer import Answer, AnswerChunk, AnswerKind, AnswerRequest, AnswerSentence
from bot.blocks import Block, BlockKind, blocks_of, cells, readable
from bot.citations import cite
from bot.claim_review import CONTRADICTION, TRACE
from bot.contradictions import LEANS_BACK, quotable
from bot.selection import Candidate, candidates, is_pointer, is_whole_answer
from bot.wording import content_terms
from knowledge_base.document import Passage

_PASSAGES = 4  # more rarely hold the answer and often hold a near miss (docs/adr/0004-answers.md)
_CLOSE = 0.15  # what scores this near to the best piece is said too
_PIECES = 4
_WORDS = 90
_WHOLE_ANSWER_PIECES = 6
_ITEM_CLOSE = 0.1  # items of a list this near to its best one are said with it
_SAME = 0.7  # share of common words from which two pieces say the same
_LISTS = frozenset({BlockKind.STEPS, BlockKind.BULLETS})


@dataclass(frozen=True, slots=True)
class _Piece:
    """A block that will be said, by its place: passage rank, then block."""

    rank: int
    place: int
    passage: Passage
    block: Block
    items: tuple[int, ...] = ()  # which items of a list are said; all when empty


class ExtractiveAnswerer:
    """Quotes what answers the question best. Deterministic; takes about a millisecond."""

    name = "extractive"

    async def answer(self, request: AnswerRequest) -> Answer:
        """The answer; its kind is HANDOVER when no passage holds anything that can be quoted."""
        return compose(request)

    async def stream(self, request: AnswerRequest) -> AsyncIterator[AnswerChunk]:
        """The answer sentence by sentence, then whole."""
        answer = compose(request)
        sent = 0
        for sentence in answer.sentences:
            end = answer.text.index(sentence.text, sent) + len(sentence.text)
            yield AnswerChunk(text=answer.text[sent:end])
            sent = end
        yield AnswerChunk(text=answer.text[sent:], answer=answer)


def compose(request: AnswerRequest) -> Answer:
    """The answer to ``request``, from its best few passages, but nothing that the brand does not approve."""
    ranked = request.retrieval.passages[:_PASSAGES]
    found = candidates(request.question, request.retrieval.vector, ranked)
    pieces = [candidate for candidate in found if not is_pointer(candidate.block)] or found
    if not pieces:
        return Answer(AnswerKind.HANDOVER, "", answerability=request.answerability)
    chosen = _choose(pieces)
    best = max(pieces, key=lambda candidate: candidate.score)
    heart = cite(best.passage, best.block.start, best.block.end)
    said = quotable(tuple(_sentences(chosen)), heart=heart, join=join, check=request.check)
    trace: dict[str, object] = {"passages": len(ranked), "pieces": len(chosen)}
    if said.objections:
        trace[TRACE] = [one.record() for one in said.objections]
    if not said.sentences:
        trace["reason"] = CONTRADICTION
        return Answer(AnswerKind.HANDOVER, "", answerability=request.answerability, trace=trace)
    return Answer(
        kind=AnswerKind.ANSWER,
        text=join(said.sentences),
        sentences=said.sentences,
        answerability=request.answerability,
        trace=trace,
    )


def join(sentences: Sequence[AnswerSentence]) -> str:
    """The text of an answer: sentences in a line, headings, lists and tables in lines of their own."""
    text = ""
    for place, sentence in enumerate(sentences):
        if place:
            before = sentences[place - 1]
            apart = _is_block(sentence) or _is_block(before)
            text += "\n" if _is_heading(before) else "\n\n" if apart or _is_heading(sentence) else " "
        text += sentence.text
    return text


def _is_block(sentence: AnswerSentence) -> bool:
    return "\n" in sentence.text or sentence.text.startswith(("- ", "* ", "1. "))


def _is_heading(sentence: AnswerSentence) -> bool:
    return bool(re.fullmatch(r"\*\*[^*]+\*\*", sentence.text))


def _choose(quotable: Sequence[Candidate]) -> list[_Piece]:
    """The pieces to say: the best, what completes it, and what comes close; in reading order."""
    ordered = sorted(quotable, key=lambda candidate: -candidate.score)
    best = ordered[0]
    if is_whole_answer(best.passage):
        own = [candidate for candidate in quotable if candidate.rank == best.rank]
        if len(own) <= _WHOLE_ANSWER_PIECES:
            return [_piece(candidate) for candidate in own]
    chosen = _completed(_piece(best))
    if best.block.kind not in _LISTS and len(chosen) == 1:
        chosen += _following(chosen[-1])
    for candidate in ordered[1:]:
        if candidate.score < best.score - _CLOSE or len(chosen) >= _PIECES:
            break
        addition = [piece for piece in _completed(_piece(candidate)) if not _said(piece, chosen)]
        if addition and _length([*chosen, *addition]) <= _WORDS:
            chosen += addition
    return sorted(chosen, key=lambda piece: (piece.rank != best.rank, piece.rank, piece.place))


def _piece(candidate: Candidate) -> _Piece:
    return _Piece(candidate.rank, candidate.place, candidate.passage, candidate.block, _best_items(candidate))


def _best_items(candidate: Candidate) -> tuple[int, ...]:
    """The items of an unordered list that answer, where they are clearly fewer than the rest."""
    if not candidate.items:
        return ()
    best = max(candidate.items)
    close = tuple(place for place, score in enumerate(candidate.items) if score >= best - _ITEM_CLOSE)
    return close if 2 * len(close) <= len(candidate.items) else ()


def _completed(piece: _Piece) -> list[_Piece]:
    """``piece`` with what it cannot stand without: a list's lead-in, a lead-in's list, what "it" means."""
    pieces = [piece]
    if piece.block.text.rstrip("*_").endswith(":"):
        after = _neighbour(piece, +1)
        if after and after.block.kind is BlockKind.ROW:
            pieces += _table_of(after)
        elif after and after.block.kind is not BlockKind.HEADING:
            pieces.append(after)
    first = piece
    for _ in range(2):
        before = _neighbour(first, -1)
        if before is None or not _needs(first, before):
            break
        pieces.insert(0, before)
        first = before
    return pieces


def _table_of(row: _Piece) -> list[_Piece]:
    """The rows of the table that begins with ``row``; none where they are too many to be said."""
    rows = [row]
    while (after := _neighbour(rows[-1], +1)) and _same_table(after, row):
        rows.append(after)
    return rows if len(rows) <= _WHOLE_ANSWER_PIECES else []


def _needs(piece: _Piece, before: _Piece) -> bool:
    """Whether ``piece`` is hard to follow without the block before it."""
    match before.block.kind:
        case BlockKind.HEADING:
            return _wants_heading(piece)
        case BlockKind.SENTENCE if before.block.text.rstrip("*_").endswith(":"):
            return piece.block.kind is not BlockKind.SENTENCE and not _is_sentence(piece)
        case BlockKind.SENTENCE:
            return (
                piece.block.kind is BlockKind.SENTENCE
                and before.block.paragraph == piece.block.paragraph
                and bool(LEANS_BACK.match(piece.block.text))
            )
        case _:
            return False


def _wants_heading(piece: _Piece) -> bool:
    """A whole list, or a sentence that opens with "it", is hard to follow without the heading above it."""
    if piece.block.kind is BlockKind.SENTENCE:
        return bool(LEANS_BACK.match(piece.block.text))
    return piece.block.kind in _LISTS and not piece.items


def _is_sentence(piece: _Piece) -> bool:
    """Whether the chosen items of a list can be read without its lead-in."""
    return bool(piece.items) and all(
        re.match(r"\W*[A-Z0-9]", piece.passage.text[start:end].strip(" -*+•\n"))
        for start, end in (piece.block.items[place] for place in piece.items)
    )


def _following(piece: _Piece) -> list[_Piece]:
    """The next sentence of the same paragraph: it mostly carries the condition or the exception."""
    after = _neighbour(piece, +1)
    if after is None or after.block.kind is not BlockKind.SENTENCE or is_pointer(after.block):
        return []
    if piece.block.kind is not BlockKind.SENTENCE or after.block.heading != piece.block.heading:
        return []
    return [after] if not after.block.text.rstrip("*_").endswith(":") else _completed(after)


def _neighbour(piece: _Piece, step: int) -> _Piece | None:
    blocks = blocks_of(piece.passage.text, piece.passage.context)
    place = piece.place + step
    if not 0 <= place < len(blocks):
        return None
    return _Piece(piece.rank, place, piece.passage, blocks[place])


def _said(piece: _Piece, chosen: Sequence[_Piece]) -> bool:
    words = content_terms(piece.block.text)
    for other in chosen:
        if other.rank == piece.rank and other.place == piece.place:
            return True
        if piece.block.kind is BlockKind.ROW:
            continue  # rows of one table differ by a number only
        others = content_terms(other.block.text)
        if words and len(words & others) >= _SAME * min(len(words), len(others) or 1):
            return True
    return False


def _length(pieces: Iterable[_Piece]) -> int:
    return sum(len(piece.block.text.split()) for piece in pieces)


def _sentences(pieces: Sequence[_Piece]) -> Iterable[AnswerSentence]:
    place = 0
    while place < len(pieces):
        piece = pieces[place]
        if piece.place == 0 and piece.passage.headings and _wants_heading(piece):
            # The splitter keeps headings beside the passage, not in it: a frame, not a quote.
            yield AnswerSentence(f"**{readable(piece.passage.headings[-1])}**")
        if piece.block.kind is BlockKind.ROW:
            rows = [piece]
            while place + len(rows) < len(pieces) and _same_table(pieces[place + len(rows)], piece):
                rows.append(pieces[place + len(rows)])
            yield _table(rows)
            place += len(rows)
            continue
        yield _sentence(piece)
        place += 1


def _sentence(piece: _Piece) -> AnswerSentence:
    block, passage = piece.block, piece.passage
    if block.kind is BlockKind.HEADING:
        return AnswerSentence(f"**{block.heading}**", (cite(passage, block.start, block.end),))
    if not piece.items:
        return AnswerSentence(readable(block.text), (cite(passage, block.start, block.end),))
    spans = [block.items[place] for place in piece.items]
    texts = [readable(passage.text[start:end].strip()) for start, end in spans]
    text = "\n".join(texts) if len(texts) > 1 else re.sub(r"^[-*+•]\s+", "", texts[0])
    return AnswerSentence(text, tuple(cite(passage, start, end) for start, end in spans))


def _same_table(piece: _Piece, other: _Piece) -> bool:
    return (
        piece.block.kind is BlockKind.ROW
        and piece.passage.id == other.passage.id
        and piece.block.paragraph == other.block.paragraph
    )


def _table(rows: Sequence[_Piece]) -> AnswerSentence:
    """One row in words, several as a table with their header."""
    first = rows[0]
    citations = [cite(row.passage, row.block.start, row.block.end) for row in rows]
    if first.block.header:
        citations.insert(0, cite(first.passage, *first.block.header))
    if len(rows) == 1 or not first.block.columns:
        text = "; ".join(_in_words(row.block) for row in rows)
        return AnswerSentence(text + ".", tuple(citations))
    lines = [_line(first.block.columns), _line(["---"] * len(first.block.columns))]
    lines += [_line(cells(row.block.text)) for row in rows]
    return AnswerSentence("\n".join(lines), tuple(citations))


def _line(parts: Iterable[str]) -> str:
    return "| " + " | ".join(parts) + " |"


def _in_words(row: Block) -> str:
    values = cells(row.text)
    columns = row.columns if len(row.columns) == len(values) else ("",) * len(values)
    return "; ".join(
        f"{column}: {value}" if column else value
        for column, value in zip(columns, values, strict=True)
        if value
    )
