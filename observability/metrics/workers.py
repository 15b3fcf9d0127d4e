"""Several worker processes that show their numbers as one.

Each worker keeps its numbers in a file of their folder, mapped into memory: they are there for the others at once, and
survive whatever kills the worker. An index beside it says what they are. Whoever reads the folder takes in the files of
workers that are gone: their counters and histograms join the archive, their gauges go with them. A worker holds a lock on
its index for as long as it lives, and the kernel releases it, so nobody has to be told of a death.
"""

import fcntl
import json
import mmap
import os
import secrets
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import IO, Any

import structlog

from observability.conventions import OVERFLOW, Metric
from observability.metrics.layout import Entry, Values, compacted, size_of
from observability.metrics.memory import BYTES_PER_NUMBER, CHUNK, Chunks

_CHUNK_BYTES = CHUNK * BYTES_PER_NUMBER
_VALUES, _INDEX = ".values", ".index"

log = structlog.get_logger(__name__)


class SharedMemory(Chunks):
    """The numbers of this worker, in a file that the others read."""

    def __init__(self, folder: Path) -> None:
        """Make the files; the caller holds the folder's lock.

        Raises:
            OSError: The folder cannot be written to.
        """
        super().__init__()
        path = folder / f"{os.getpid()}-{secrets.token_hex(4)}"
        self._index = path.with_suffix(_INDEX).open("xb", buffering=0)
        # Not on the values: a mapping holds its file open, and so its lock.
        fcntl.flock(self._index, fcntl.LOCK_EX)
        self._values = path.with_suffix(_VALUES).open("x+b", buffering=0)
        self._known: set[str] = set()

    def allocate(self, metric: Metric, labels: tuple[str, ...]) -> Values:
        """A place for one series, known to the others from now on.

        Should the disk be full, it is a place that they do not see: better than no service.
        """
        try:
            at, values = self.take(size_of(metric))
            if metric.name not in self._known:
                self._known.add(metric.name)
                self._note("metric", *astuple(metric))
            self._note("series", metric.name, labels, at)
        except OSError as error:
            log.error("metrics_not_shared", metric=metric.name, labels=labels, reason=str(error))  # noqa: TRY400
            return memoryview(bytearray(size_of(metric) * BYTES_PER_NUMBER)).cast("d")
        return values

    def new_chunk(self) -> Values:
        """The next stretch of the file."""
        end = os.fstat(self._values.fileno()).st_size
        # Written, not only reserved: a full disk is an error here, and would end the process there.
        os.pwrite(self._values.fileno(), bytes(_CHUNK_BYTES), end)
        return memoryview(mmap.mmap(self._values.fileno(), _CHUNK_BYTES, offset=end)).cast("d")

    def leave(self) -> None:
        """Close the files of a worker whose process was forked: they are its parent's."""
        self._values.close()
        self._index.close()

    def _note(self, *fields: Any) -> None:
        self._index.write(json.dumps(fields).encode() + b"\n")


class Worker:
    """The files of one worker, this one or another, read as they grow."""

    def __init__(self, path: Path) -> None:
        """Open the files beside `path`."""
        self.name = path.stem
        self._path = path
        self._values = path.open("rb")
        self._index = path.with_suffix(_INDEX).open("rb")
        self._metrics: dict[str, Metric] = {}
        self._chunks: dict[int, Values] = {}
        self._unfinished = b""
        self.entries: list[Entry] = []

    def is_alive(self) -> bool:
        """Whether its process is there."""
        return _is_locked(self._index)

    def refresh(self) -> None:
        """Take note of series that are new."""
        *lines, self._unfinished = (self._unfinished + self._index.read()).split(b"\n")
        for line in lines:
            kind, *fields = json.loads(line)
            if kind == "metric":
                metric = _metric(fields)
                self._metrics[metric.name] = metric
            else:
                name, labels, at = fields
                metric = self._metrics[name]
                self.entries.append(Entry(metric, tuple(labels), self._place(at, size_of(metric))))

    def close(self) -> None:
        """Let go of the files."""
        self._values.close()
        self._index.close()

    def remove(self) -> None:
        """Delete the files."""
        self.close()
        self._path.unlink(missing_ok=True)
        self._path.with_suffix(_INDEX).unlink(missing_ok=True)

    def _place(self, at: int, size: int) -> Values:
        chunk, start = divmod(at, CHUNK)
        if chunk not in self._chunks:
            mapped = mmap.mmap(
                self._values.fileno(), _CHUNK_BYTES, offset=chunk * _CHUNK_BYTES, access=mmap.ACCESS_READ
            )
            self._chunks[chunk] = memoryview(mapped).cast("d")
        return self._chunks[chunk][start : start + size]


def is_deserted(folder: Path) -> bool:
    """Whether none of the workers that used the folder is left."""
    return not any(map(_is_in_use, folder.glob(f"*{_INDEX}")))


def _is_in_use(path: Path) -> bool:
    with path.open("rb") as file:
        return _is_locked(file)


def _is_locked(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(file, fcntl.LOCK_UN)
    return False


def _metric(fields: Sequence[Any]) -> Metric:
    """A metric as JSON keeps it: with lists for tuples."""
    name, kind, documentation, labels, buckets, aggregate, exemplars = fields
    return Metric(name, kind, documentation, tuple(labels), tuple(buckets), aggregate, exemplars)


class Archive:
    """What workers that are gone have counted."""

    def __init__(self, path: Path, budget_of: Callable[[str], int]) -> None:
        """Kept at `path`, with at most so many label values of a metric with this name."""
        self._path = path
        self._budget_of = budget_of
        self._stamp: tuple[int, int] | None = None
        self._absorbed: list[str] = []
        self.entries: list[Entry] = []

    def refresh(self) -> None:
        """Read the file again if another worker has written it."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return
        if (status.st_ino, status.st_mtime_ns) == self._stamp:
            return
        self._stamp = (status.st_ino, status.st_mtime_ns)
        kept = json.loads(self._path.read_bytes())
        self._absorbed = kept["absorbed"]
        metrics = {metric.name: metric for metric in map(_metric, kept["metrics"])}
        self.entries = [
            Entry(metrics[name], tuple(labels), memoryview(array("d", numbers)))
            for name, labels, numbers in kept["series"]
        ]

    def absorb(self, dead: Sequence[Worker]) -> None:
        """Add what dead workers counted, and delete their files; one that was added before a crash only goes."""
        new = [worker for worker in dead if worker.name not in self._absorbed]
        if new:
            self._write([worker.name for worker in dead], self._sums(new))
            self.refresh()
        for worker in dead:
            worker.remove()

    def _sums(self, workers: Sequence[Worker]) -> list[tuple[Metric, tuple[str, ...], Sequence[float]]]:
        newest = {entry.metric.name: entry.metric for worker in workers for entry in worker.entries}
        runs: dict[str, dict[tuple[str, ...], list[Sequence[float]]]] = {}
        metrics: dict[str, Metric] = {}
        for entries in (self.entries, *(worker.entries for worker in workers)):
            for metric, labels, values in entries:
                if metric.kind == "gauge" or metric != newest.get(metric.name, metric):
                    continue
                metrics[metric.name] = metric
                series = runs.setdefault(metric.name, {})
                if labels not in series and len(series) >= self._budget_of(metric.name):
                    labels = (OVERFLOW,) * len(labels)  # noqa: PLW2901  the name it goes by from here
                series.setdefault(labels, []).append(values.tolist())
        return [
            (metrics[name], labels, numbers)
            for name, series in runs.items()
            for labels, each in series.items()
            for numbers in compacted(metrics[name], each)
        ]

    def _write(
        self, absorbed: list[str], sums: list[tuple[Metric, tuple[str, ...], Sequence[float]]]
    ) -> None:
        content = {
            "absorbed": absorbed,
            "metrics": [astuple(metric) for metric in {metric.name: metric for metric, *_ in sums}.values()],
            "series": [(metric.name, labels, numbers) for metric, labels, numbers in sums],
        }
        unfinished = self._path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(content))
        unfinished.rename(self._path)


class Workers:
    """All workers of one service, through their folder."""

    def __init__(self, folder: Path, *, budget_of: Callable[[str], int]) -> None:
        """Use this folder, made when it is not there; the archive keeps so many label values of a metric with this name.

        Raises:
            OSError: It cannot be made or read.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._lock = (folder / "lock").open("ab")
        self._workers: dict[str, Worker] = {}
        self._archive = Archive(folder / "archive.json", budget_of)

    def join(self) -> SharedMemory:
        """Become one of them.

        Raises:
            OSError: The folder cannot be written to.
        """
        with self._locked():
            self._refresh()
            return SharedMemory(self._folder)

    def entries(self) -> list[list[Entry]]:
        """What each of them and the archive hold."""
        with self._locked():
            self._refresh()
            return [self._archive.entries, *(worker.entries for worker in self._workers.values())]

    def close(self) -> None:
        """Let go of the folder."""
        for worker in self._workers.values():
            worker.close()
        self._lock.close()

    def _refresh(self) -> None:
        present = {path.stem: path for path in self._folder.glob(f"*{_VALUES}")}
        for name in self._workers.keys() - present.keys():
            self._workers.pop(name).close()
        for name in present.keys() - self._workers.keys():
            self._workers[name] = Worker(present[name])
        for worker in self._workers.values():
            worker.refresh()
        self._archive.refresh()
        dead = [worker for worker in self._workers.values() if not worker.is_alive()]
        if dead:
            self._archive.absorb(dead)
            for worker in dead:
                del self._workers[worker.name]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)
