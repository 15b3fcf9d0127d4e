"""Writes down what became of a job."""

from datetime import timedelta

import structlog
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.models import Job as Row
from pgqueuer.domain.models import TracebackRecord

from observability.context import ids_of
from service.infra.jobs.attempt import Again, Dead, Outcome, Succeeded
from service.infra.jobs.broker import LOG, TABLE
from service.infra.jobs.handlers import Discard, Postpone

log = structlog.get_logger(__name__)

# PgQueuer's own statement counts an attempt whatever the reason, and takes the job away from a worker that has it by now.
_PUT_BACK = f"""
WITH put_back AS (
    UPDATE {TABLE}
    SET status = 'queued', execute_after = now() + $3::interval, attempts = attempts + $4::integer,
        updated = now(), queue_manager_id = NULL, slot = NULL
    WHERE id = $1::bigint AND queue_manager_id = $2::uuid AND status = 'picked'
    RETURNING id, entrypoint, priority
)
INSERT INTO {LOG} (job_id, status, entrypoint, priority, traceback)
SELECT id, 'queued', entrypoint, priority, $5::jsonb FROM put_back
"""  # noqa: S608 (names of ours)

# How often the job was taken since it last went into the queue: more than once, when whoever took it was never heard of again.
_TIMES_TAKEN = f"""
SELECT count(*) AS times FROM {LOG}
WHERE job_id = $1::bigint AND status = 'picked'
  AND id > coalesce((SELECT max(id) FROM {LOG} WHERE job_id = $1::bigint AND status = 'queued'), 0)
"""  # noqa: S608 (names of ours)


async def write(queries: Queries, row: Row, outcome: Outcome) -> None:
    """Record the outcome; once more does no harm. Raises what the database raises."""
    match outcome:
        case Succeeded():
            await queries.log_jobs([(row, "successful", None)])
        case Dead(error):
            _report_death(row, error)
            await queries.log_jobs([(row, "failed", _record(error, row))])
        case Again(delay, error, is_counted):
            if error is not None:
                _report_delay(row, error, delay)
            record = _record(error, row).model_dump_json() if error else None
            await queries.driver.execute(
                _PUT_BACK, row.id, row.queue_manager_id, delay, int(is_counted), record
            )


async def times_taken(queries: Queries, row: Row) -> int:
    """How often the job was taken without an outcome, this time included."""
    found = await queries.driver.fetch(_TIMES_TAKEN, row.id)
    return int(str(found[0]["times"]))


def _record(error: Exception, row: Row) -> TracebackRecord:
    record = TracebackRecord.from_exception(error, row.id)
    # PostgreSQL keeps no NUL in its JSON.
    message, stack = (text.replace("\0", "\ufffd") for text in (record.exception_message, record.traceback))
    return record.model_copy(update={"exception_message": message, "traceback": stack})


def _report_death(row: Row, error: Exception) -> None:
    stack = None if isinstance(error, Discard) else error
    log.error(
        "job_dead",
        job=row.entrypoint,
        job_id=row.id,
        attempt=row.attempts + 1,
        reason=repr(error),
        exc_info=stack,
        **ids_of(error),
    )


def _report_delay(row: Row, error: Exception, delay: timedelta) -> None:
    if not isinstance(error, Postpone):
        log.warning(
            "job_will_be_retried",
            job=row.entrypoint,
            job_id=row.id,
            attempt=row.attempts + 1,
            seconds=round(delay.total_seconds(), 1),
            reason=repr(error),
            **ids_of(error),
        )
