"""What can go wrong when telemetry is set up. While it measures, nothing does."""

from collections.abc import Collection


class AlreadyInstrumented(RuntimeError):
    """Something was given to be measured a second time, which would count everything twice."""


def refuse_repeated(given: Collection[object]) -> None:
    """Raise `AlreadyInstrumented` if something is among these twice."""
    if len(set(map(id, given))) < len(given):
        msg = "Something is given under two names; engines that share a connection pool are one."
        raise AlreadyInstrumented(msg)


def kind_of(given: object) -> str:
    """Module and name of what something is: for messages about what may be an address with a password."""
    kind = type(given)
    return f"{kind.__module__}.{kind.__qualname__}"
