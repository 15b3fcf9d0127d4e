"""What can go wrong when telemetry is set up. While it measures, nothing does."""


class AlreadyInstrumented(RuntimeError):
    """Something was given to be measured a second time, which would count everything twice."""
