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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import IO, Any

import structlog

from observability.conventions import Metric
from observability.metrics.archive import Archive, metric_of
from observability.metrics.layout import Entry, Values, size_of
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
                metric = metric_of(fields)
                self._metrics[metric.name] = metric
            else:
                name, labels, at = fields
                metric = self._metrics[name]
                self.entries.append(Entry(metric, tuple(labels), self._place(at, size_of(metric))))

    def forget_gauges(self) -> None:
        """Show what it counted alone: it is dead."""
        self.entries = [entry for entry in self.entries if entry.metric.kind != "gauge"]

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
        self._is_full = False

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
            self._take_in(dead)

    def _take_in(self, dead: Sequence[Worker]) -> None:
        for worker in dead:
            worker.forget_gauges()
        living = [worker.entries for worker in self._workers.values() if worker not in dead]
        try:
            self._archive.absorb({worker.name: worker.entries for worker in dead}, living)
            self._is_full = False
        except OSError as error:
            if not self._is_full:
                log.warning(
                    "workers_not_archived", reason=str(error), effect="their files stay until there is room"
                )
            self._is_full = True
        for worker in dead:
            if worker.name in self._archive.absorbed:
                self._workers.pop(worker.name).remove()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)
