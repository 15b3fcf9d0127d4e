"""How structlog's events look: readable in a terminal, JSON elsewhere."""

import logging
import sys

import structlog


def configure() -> None:
    """Write warnings and worse to standard error, as uvicorn does."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *(_for_people() if sys.stderr.isatty() else _for_machines()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _for_people() -> list[structlog.typing.Processor]:
    return [structlog.dev.ConsoleRenderer()]


def _for_machines() -> list[structlog.typing.Processor]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
