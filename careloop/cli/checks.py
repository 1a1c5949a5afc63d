"""What ``careloop doctor`` looks at, one function each."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import httpx
import numpy as np
from langsmith.utils import tracing_is_enabled
from packaging.requirements import Requirement
from sqlalchemy import select, text

from careloop.build import Parts
from careloop.cli.serve import is_loopback
from careloop.settings import LlmSettings, Mode, Settings
from kit.errors import CareloopError
from kit.ids import PassageId, WorkspaceId
from store.migrate import newest_revision, revision_of
from store.tables import index_states, passages

_LEAST_FREE = 1e9  # bytes: an index of about 100,000 passages with every version
_REFERENCE_TEXT = "How do I reset my router?"
# The first numbers of its vector as sentence-transformers 6.2 with torch 2.13 computes them.
_REFERENCE = (
    "0.0014 -0.0116 -0.0340 0.0301 -0.0133 0.0224 -0.0730 -0.0094 -0.0399 -0.0258 -0.0101 0.0784 "
    "-0.0550 -0.0288 -0.0341 0.0505 -0.0972 0.0182 0.0208 -0.0866 -0.0117 0.0509 -0.0502 -0.0416"
)
_LEAST_COSINE = 0.999


class State(StrEnum):
    """How a check went."""

    OK = "ok"
    WARN = "warn"  # works, but somebody should look
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was checked, what was found, and what to do about it (empty when nothing is)."""

    state: State
    subject: str
    found: str
    remedy: str = ""


def check_machine(settings: Settings) -> Iterator[Finding]:
    """Everything that can be told before anything is opened."""
    yield _python()
    yield _packages()
    yield _torch()
    yield _disk(settings.data_dir)
    yield _port(settings)
    yield _access(settings)
    yield _telemetry()


async def check_parts(parts: Parts) -> AsyncIterator[Finding]:
    """Everything that needs the application built."""
    yield _encoder(parts)
    async for finding in _database(parts):
        yield finding
    async for finding in _indexes(parts):
        yield finding
    yield await check_model(parts.settings.llm)


def _python() -> Finding:
    version = platform.python_version()
    if version.startswith("3.11."):
        return Finding(State.OK, "Python", version)
    return Finding(State.FAIL, "Python", version, "Careloop needs Python 3.11: run `make setup PYTHON=...`.")


def _packages() -> Finding:
    requirements = [Requirement(line) for line in importlib.metadata.requires("careloop") or ()]
    wrong = []
    for requirement in requirements:
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(version.partition("+")[0], prereleases=True):
            wrong.append(f"{requirement.name} is {version}, not {requirement.specifier}")
    if wrong:
        return Finding(State.FAIL, "packages", "; ".join(wrong), "Run `make setup`.")
    return Finding(State.OK, "packages", f"{len(requirements)} installed")


def _torch() -> Finding:
    version = importlib.metadata.version("torch")
    if any(name.startswith("nvidia-cublas") for name in _distributions()):
        remedy = "It only costs disk space; `make clean setup` takes the CPU build."
        return Finding(State.WARN, "torch", f"{version} with CUDA libraries", remedy)
    return Finding(State.OK, "torch", f"{version}, CPU")


def _distributions() -> set[str]:
    return {distribution.name.lower() for distribution in importlib.metadata.distributions()}


def _disk(folder: Path) -> Finding:
    existing = next(place for place in (folder.resolve(), *folder.resolve().parents) if place.exists())
    free = shutil.disk_usage(existing).free
    probe = existing / ".careloop-doctor"
    try:
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        remedy = "Make it writable, or set CARELOOP_DATA_DIR to a folder that is."
        return Finding(State.FAIL, "data folder", f"{existing} cannot be written: {error.strerror}", remedy)
    said = f"{folder.resolve()}, {free / 1e9:.0f} GB free"
    if free < _LEAST_FREE:
        return Finding(State.WARN, "data folder", said, "Free some space: a full disk stops every write.")
    return Finding(State.OK, "data folder", said)


def _port(settings: Settings) -> Finding:
    host, port = settings.server.host, settings.server.port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if _is_careloop(host, port):
                return Finding(State.OK, "port", f"{port}: a Careloop server answers there")
            remedy = "Stop what listens there, or set CARELOOP_SERVER__PORT."
            return Finding(State.FAIL, "port", f"{host}:{port}: {error.strerror}", remedy)
    return Finding(State.OK, "port", f"{host}:{port} is free")


def _is_careloop(host: str, port: int) -> bool:
    try:
        answer = httpx.get(f"http://{host}:{port}/healthz", timeout=2, trust_env=False)
        return bool(answer.json() == {"status": "alive"})
    except (httpx.HTTPError, ValueError):
        return False


def _access(settings: Settings) -> Finding:
    if settings.mode is Mode.PRODUCTION:
        return Finding(State.OK, "access", "production: every caller needs a key")
    if is_loopback(settings.server.host):
        return Finding(State.OK, "access", "development: open to this machine only")
    remedy = "Set CARELOOP_MODE=production; `careloop serve` refuses to start otherwise."
    return Finding(State.FAIL, "access", f"open to everybody who reaches {settings.server.host}", remedy)


def _telemetry() -> Finding:
    if tracing_is_enabled():
        remedy = "Unset LANGSMITH_TRACING and LANGCHAIN_TRACING_V2, unless you want that."
        return Finding(State.WARN, "telemetry", "LangSmith tracing is on: prompts leave this machine", remedy)
    return Finding(State.OK, "telemetry", "off: nothing is sent anywhere")


def _encoder(parts: Parts) -> Finding:
    identity = parts.embeddings.identity
    vector = np.array(parts.embeddings.embed_query(_REFERENCE_TEXT))
    if not identity.startswith("all-MiniLM-L6-v2@"):
        said = f"{identity}, {len(vector)} dimensions, length {np.linalg.norm(vector):.3f}"
        return Finding(State.OK, "encoder", said)
    reference = np.array(_REFERENCE.split(), float)
    head = vector[: len(reference)]
    cosine = float(head @ reference / np.linalg.norm(head) / np.linalg.norm(reference))
    if cosine < _LEAST_COSINE:
        remedy = f"Remove {parts.settings.data_dir / 'models'}: the encoder is converted again."
        return Finding(State.FAIL, "encoder", f"{identity}: cosine to the reference {cosine:.5f}", remedy)
    return Finding(State.OK, "encoder", f"{identity}, cosine to the reference {cosine:.5f}")


async def _database(parts: Parts) -> AsyncIterator[Finding]:
    newest = newest_revision()
    async with parts.database.read() as connection:
        revision = await connection.run_sync(revision_of)
        pragmas = {}
        if parts.database.dialect == "sqlite":
            for name in ("journal_mode", "foreign_keys"):
                pragmas[name] = str(await connection.scalar(text(f"PRAGMA {name}")))
    if revision != newest:
        remedy = "Start `careloop serve` of this version once: it upgrades the schema."
        yield Finding(State.FAIL, "database", f"schema {revision}, expected {newest}", remedy)
    else:
        yield Finding(State.OK, "database", f"{parts.database.dialect}, schema {revision}")
    if pragmas and pragmas != {"journal_mode": "wal", "foreign_keys": "1"}:
        remedy = "Put the data folder on a local disk: write-ahead logging does not work on a network share."
        yield Finding(
            State.FAIL, "SQLite", ", ".join(f"{key} {value}" for key, value in pragmas.items()), remedy
        )
    elif pragmas:
        yield Finding(State.OK, "SQLite", "write-ahead logging and foreign keys are on")


async def _indexes(parts: Parts) -> AsyncIterator[Finding]:
    for workspace in await parts.access.workspaces():
        yield await _binding(parts, workspace.id)
        yield await _index(parts, workspace.id)


async def _binding(parts: Parts, workspace: WorkspaceId) -> Finding:
    subject = f"encoder of {workspace}"
    query = select(index_states.c.encoder).where(index_states.c.workspace_id == workspace)
    async with parts.database.read() as connection:
        bound = await connection.scalar(query)
    if bound is None:
        remedy = "Load something: `careloop ingest PATH`."
        return Finding(State.WARN, subject, "the knowledge base is empty", remedy)
    if bound != parts.embeddings.identity:
        remedy = f"Run `careloop knowledge reindex -w {workspace}`, or configure the former encoder again."
        return Finding(
            State.FAIL, subject, f"indexed with {bound}, configured {parts.embeddings.identity}", remedy
        )
    return Finding(State.OK, subject, "the index was made with the configured encoder")


async def _index(parts: Parts, workspace: WorkspaceId) -> Finding:
    subject = f"index of {workspace}"
    if not parts.owns_index:
        return Finding(State.OK, subject, "open in a running server, which keeps it in step")
    async with parts.database.read() as connection:
        rows = await connection.execute(select(passages.c.id).where(passages.c.workspace_id == workspace))
        wanted = {PassageId(row.id) for row in rows}
    try:
        present = await parts.index.ids(workspace)
    except CareloopError as error:
        return Finding(
            State.FAIL, subject, error.detail, "Remove the index folder: it is rebuilt from the database."
        )
    pending = (await parts.catalogue.health(workspace)).pending_index_operations
    if present != wanted:
        said = (
            f"{len(wanted - present)} passages missing, {len(present - wanted)} too many, {pending} pending"
        )
        state = State.WARN if pending else State.FAIL
        return Finding(state, subject, said, "Start `careloop serve`: it brings the index in step.")
    return Finding(State.OK, subject, f"{len(wanted)} passages, in step with the database")


async def check_model(llm: LlmSettings) -> Finding:
    """Whether the configured language model's endpoint answers, if one is configured."""
    if llm.model is None:
        return Finding(
            State.OK, "language model", "none configured: answers are composed of quoted sentences"
        )
    if llm.base_url is None:
        return Finding(State.OK, "language model", f"{llm.model}, at its provider; not contacted")
    headers = {"Authorization": f"Bearer {llm.api_key.get_secret_value()}"} if llm.api_key else {}
    try:
        async with httpx.AsyncClient(timeout=5) as client:
            answer = await client.get(f"{llm.base_url.rstrip('/')}/models", headers=headers)
    except httpx.HTTPError as error:
        remedy = "Start it, or correct CARELOOP_LLM__BASE_URL; until then answers are quoted sentences."
        return Finding(State.WARN, "language model", f"{llm.base_url}: {type(error).__name__}", remedy)
    if answer.status_code in {401, 403}:
        remedy = "Correct CARELOOP_LLM__API_KEY."
        return Finding(State.WARN, "language model", f"refuses the key ({answer.status_code})", remedy)
    return Finding(State.OK, "language model", f"{llm.model} at {llm.base_url} answers")
