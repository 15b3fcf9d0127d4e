"""Python's search for garbage, kept away from what is there to stay.

Nearly all that a request makes is gone without it, by reference counts. But CPython looks after every 700 new objects, and a
busy process has more than that under way; what it sees then counts as old, and soon everything there is looked at, modules and
routes included: 90 to 160 ms in which nobody is served.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# More than all requests under way have made.
YOUNG_OBJECTS = 10_000


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look at what was made from now on alone, and less often."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
