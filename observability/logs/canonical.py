"""One line that says everything about one request."""

import logging
from typing import Any

import structlog

from observability.context import RequestRecord

log = structlog.get_logger(__name__)


def request_over(
    record: RequestRecord, outcome: str, status: int, seconds: float, error: BaseException | None
) -> None:
    """Log a request whose trace is kept: a warning if that is because of how it ended."""
    told = log.bind()
    if record.is_sampled and not _says_what_is_informative(told):
        return
    say = told.info if record.is_sampled else told.warning
    say(
        "request",
        trace_id=record.trace_id,
        span_id=record.span_id,
        method=record.scope.get("method", ""),
        route=record.route,
        status=status,
        outcome=outcome,
        seconds=_rounded(seconds),
        db_seconds=_rounded(record.db_seconds),
        db_queries=record.query_count,
        cache_seconds=_rounded(record.cache_seconds),
        cache_commands=record.command_count,
        **({"limit": record.limit} if record.limit else {}),
        **({"error": type(error).__name__} if error else {}),
        **({"culprit": record.culprit} if record.culprit else {}),
    )


def _says_what_is_informative(logger: Any) -> bool:
    """Whether such a line would be seen: most are not, in production, and all that is in it costs time."""
    # Of its class: some loggers take whatever is asked of them for an event.
    asks = getattr(type(logger), "is_enabled_for", None)
    return asks is None or bool(asks(logger, logging.INFO))


def _rounded(seconds: float) -> float:
    return round(seconds, 6)
