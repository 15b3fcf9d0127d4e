"""How many files, and so connections, a process may have open."""

import resource

_ENOUGH = 10_000


def raise_limit() -> int:
    """Allow this process as many as a benchmark wants, or the system lets it have; say how many that is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return max(soft, most)
