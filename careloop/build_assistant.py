"""The assistant, made from the settings and the parts that it works with."""

from __future__ import annotations

from langchain_core.language_models import BaseChatModel

from bot.answer import Answerer
from bot.answerability import load_calibration
from bot.assistant import Assistant
from bot.caution import Caution
from bot.claim_review import ClaimReview
from bot.conversations import ConversationStore
from bot.extractive import ExtractiveAnswerer
from bot.generative import GenerativeAnswerer
from bot.labelling import LabelsReader
from bot.labels import Labeller
from bot.pipeline import AnswerPipeline, Policy
from bot.small_talk import Phrasebook
from bot.understanding import Understander
from careloop.settings import Settings
from inference.words import load_word_vectors
from kit.clock import Clock
from retrieval.retriever import Retriever
from store.encryption import Cipher
from store.engine import Database


def build_assistant(
    settings: Settings,
    database: Database,
    *,
    cipher: Cipher,
    clock: Clock,
    retriever: Retriever,
    labeller: Labeller | None,
    reader: LabelsReader | None = None,
    chat_model: BaseChatModel | None,
    claims: ClaimReview | None = None,
) -> Assistant:
    """An assistant that quotes, or lets ``chat_model`` write; ``labeller`` triages what customers say.

    ``reader`` is told of it; ``claims`` look at what is answered.
    """
    phrases = Phrasebook.load()
    understander = Understander(phrases=phrases)
    understander.warm_up()
    answerer: Answerer = ExtractiveAnswerer()
    if chat_model is not None:
        answerer = GenerativeAnswerer(
            chat_model,
            fallback=answerer,
            company=settings.bot.company,
            model_name=settings.llm.model or "",
            knowledge_language=settings.bot.default_language,
        )
    pipeline = AnswerPipeline(
        retriever=retriever,
        calibration=load_calibration(),
        words=load_word_vectors(),
        answerer=answerer,
        understander=understander,
        phrases=phrases,
        policy=Policy(
            max_wrong_answer_rate=settings.bot.max_wrong_answer_rate,
            knowledge_language=settings.bot.default_language,
            any_language=chat_model is not None,
        ),
        caution=Caution.load(),
        claims=claims,
    )
    return Assistant(
        database=database,
        conversations=ConversationStore(cipher),
        pipeline=pipeline,
        clock=clock,
        labeller=labeller,
        reader=reader,
        queue=settings.bot.queue,
        burst_window=settings.bot.burst_window_ms / 1000,
    )
