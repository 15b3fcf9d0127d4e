class StartupError(Exception):
    """Something does not come up; the message says why and what to change."""
