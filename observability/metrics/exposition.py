"""One answer to a scrape: everything that a registry holds, as text."""

import gzip
import io
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from time import perf_counter
from typing import NamedTuple

import prometheus_client
import structlog
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, choose_encoder
from prometheus_client.registry import Collector

from observability import conventions
from observability.metrics.instruments import Histogram
from observability.metrics.registry import Registry
from observability.metrics.text import Text, head

_OPENMETRICS = "application/openmetrics-text"
_END = b"# EOF\n"
# Half the time of the default level for some percent more bytes.
_GZIP_LEVEL = 3
_ZERO = re.compile(r"\s*q=0(\.0*)?\s*")

log = structlog.get_logger(__name__)


class Wanted(NamedTuple):
    """What a scrape asks for: a content type, names of samples (all when empty), compression."""

    content_type: str
    names: frozenset[str]
    is_compressed: bool

    @property
    def is_openmetrics(self) -> bool:
        return self.content_type.startswith(_OPENMETRICS)


def wanted(accept: str, accept_encoding: str, names: frozenset[str]) -> Wanted:
    """What a request with these headers asks for: `names` are those of its `name[]` parameters."""
    codings = (coding.partition(";") for coding in accept_encoding.lower().split(","))
    is_compressed = any(name.strip() == "gzip" and not _ZERO.fullmatch(weight) for name, _, weight in codings)
    return Wanted(_content_type(accept), names, is_compressed)


def _content_type(accept: str) -> str:
    try:
        # It knows no quotes.
        content_type: str = choose_encoder(accept.replace('"', ""))[1]
    except TypeError:  # A version that is no number.
        return CONTENT_TYPE_PLAIN_0_0_4
    return content_type


class Exposition:
    """Renders a registry; from one thread at a time, and others wait."""

    def __init__(self, registry: Registry) -> None:
        """Expose `registry`, and what exposing it takes."""
        self._registry = registry
        self._took = Histogram(conventions.TELEMETRY_SCRAPE_DURATION, registry)
        self._texts = {kind: Text(is_openmetrics=kind) for kind in (False, True)}
        self._lock = threading.Lock()

    def render(self, what: Wanted) -> bytes:
        """The body of an answer. It takes milliseconds: call it off the event loop."""
        started_at = perf_counter()
        with self._lock:
            pieces = self._pieces(what)
        if what.names:
            pieces = _only(what.names, b"".join(pieces))
        if what.is_openmetrics:
            pieces.append(_END)
        body = b"".join(pieces)
        if what.is_compressed:
            body = gzip.compress(body, _GZIP_LEVEL, mtime=0)
        self._took.observe(perf_counter() - started_at)
        return body

    def _pieces(self, what: Wanted) -> list[bytes]:
        pieces, samples = self._texts[what.is_openmetrics].write(self._registry.families())
        foreign, others = self._foreign(what.content_type)
        series = conventions.TELEMETRY_SERIES
        count = f"{series.name} {samples + others + 1}\n".encode()
        return [*pieces, foreign, head(series, is_openmetrics=what.is_openmetrics), count]

    def _foreign(self, content_type: str) -> tuple[bytes, int]:
        """What foreign collectors show, and how many samples it is; nothing, should one of them fail."""
        try:
            metrics = list(self._registry.foreign_metrics())
            encode: Callable[[Collector], bytes] = choose_encoder(content_type)[0]
            text = encode(_Fixed(metrics)).removesuffix(_END)
        except Exception:
            log.exception("foreign_collector_failed", effect="the metrics of foreign collectors are missing")
            return b"", 0
        return text, sum(len(metric.samples) for metric in metrics)


class _Fixed(Collector):
    def __init__(self, metrics: list[prometheus_client.Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[prometheus_client.Metric]:
        return self._metrics


def _only(names: frozenset[str], text: bytes) -> list[bytes]:
    """The samples of these names, each family with its head."""
    return list(_wanted_lines({name.encode() for name in names}, io.BytesIO(text)))


def _wanted_lines(names: AbstractSet[bytes], lines: Iterable[bytes]) -> Iterator[bytes]:
    head_lines: list[bytes] = []
    is_in_head = False
    for line in lines:
        if line.startswith(b"#"):
            head_lines = [*head_lines, line] if is_in_head else [line]
            is_in_head = True
            continue
        is_in_head = False
        if line.partition(b" ")[0].partition(b"{")[0] in names:
            yield from head_lines
            head_lines = []
            yield line
