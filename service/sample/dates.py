from datetime import UTC, datetime, timedelta

# Fixed, so that the catalogue of tomorrow is the catalogue of today.
END = datetime(2026, 10, 1, tzinfo=UTC)
START = END - timedelta(days=365)


def between(start: datetime, end: datetime, fraction: float) -> datetime:
    return start + timedelta(seconds=int((end - start).total_seconds() * fraction))
