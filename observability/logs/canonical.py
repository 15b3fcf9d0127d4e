"""One line that says everything about one request."""

import structlog

from observability.context import RequestRecord

log = structlog.get_logger(__name__)


def request_over(
    record: RequestRecord, outcome: str, status: int, seconds: float, error: BaseException | None
) -> None:
    """Log a request whose trace is kept: a warning if that is because of how it ended."""
    say = log.info if record.is_sampled else log.warning
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
        **({"error": type(error).__name__} if error else {}),
        **({"culprit": record.culprit} if record.culprit else {}),
    )


def _rounded(seconds: float) -> float:
    return round(seconds, 6)
