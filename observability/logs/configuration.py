"""Where logs go and how they look: readable in a terminal, JSON elsewhere, those of every library alike."""

import logging
import sys

import structlog
from structlog.typing import Processor

from observability.logs.processors import SUPPRESSED, RepeatLimit, add_ids, redact

_NAME = "observability"
# They bring handlers and levels of their own.
_SERVERS = ("uvicorn", "uvicorn.error", "uvicorn.access")


def configure(level: int = logging.WARNING) -> None:
    """Write what is at least as important to standard error, that of the standard library's loggers included.

    For processes that are the caller's own: it replaces what structlog, the root logger and those of uvicorn were told
    before, and what uvicorn tells its own until an instrumented application starts.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_ids,
    ]
    limit = RepeatLimit()
    structlog.configure(
        processors=[*shared, limit, *_last(is_for_people=sys.stderr.isatty())],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    _join_standard_library(shared, limit, level)


def _join_standard_library(shared: list[Processor], limit: RepeatLimit, level: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.name = _NAME
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder({SUPPRESSED}),
                *shared,
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_last(is_for_people=sys.stderr.isatty()),
            ],
        )
    )
    handler.addFilter(limit.filter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    _join_servers()


def join_servers() -> None:
    """Undo what servers have told their loggers since `configure`, as `uvicorn.run` does; nothing without it."""
    if any(handler.name == _NAME for handler in logging.getLogger().handlers):
        _join_servers()


def _join_servers() -> None:
    for name in _SERVERS:
        server = logging.getLogger(name)
        server.handlers.clear()
        server.setLevel(logging.NOTSET)
        server.propagate = True


def _last(*, is_for_people: bool) -> list[Processor]:
    renderer: Processor = structlog.processors.JSONRenderer()
    if is_for_people:
        # Its own rendering of exceptions shows local variables.
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    return [structlog.processors.format_exc_info, redact, renderer]
