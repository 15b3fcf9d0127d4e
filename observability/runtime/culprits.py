"""Who kept the event loop busy, read from the stack of its thread.

The culprit is the innermost function of the running callback that belongs to the application: neither to the standard
library, nor to an installed package, nor to this one. Without any, it is the innermost function outside the standard
library (a framework that renders a huge response), and without that the innermost one.
"""

import site
import sys
import sysconfig
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import CodeType, FrameType

_OWN_PACKAGE = __name__.partition(".")[0]
_STDLIB = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})
_INSTALLED = tuple({*site.getsitepackages(), site.getusersitepackages(), sysconfig.get_path("purelib")})
# Where Debian and `pip install --target` put packages, whatever the interpreter says.
_PACKAGE_FOLDERS = ("/site-packages/", "/dist-packages/")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a function was running. Holds no frame, so nothing of the application lives longer because of it."""

    module: str
    function: str
    filename: str
    line: int

    def __str__(self) -> str:
        return f"{self.filename}:{self.line} in {self.module}:{self.function}"


Stack = list[Place]


def callback_stack(innermost: FrameType | None, boundary: CodeType) -> Stack:
    """The functions of the callback that the loop runs, innermost first; empty while it runs none.

    Args:
        innermost: What the loop's thread executes.
        boundary: Code of the function that calls callbacks; everything outside it is the server's start-up.
    """
    places: Stack = []
    frame = innermost
    while frame is not None and frame.f_code is not boundary:
        places.append(_place(frame))
        frame = frame.f_back
    return places if frame else []


def _place(frame: FrameType) -> Place:
    code = frame.f_code
    module = str(frame.f_globals.get("__name__", "?"))
    return Place(module, code.co_qualname, code.co_filename, frame.f_lineno or code.co_firstlineno)


def culprit_of(stack: Stack) -> str:
    """`module:function` of whom a stack that is not empty blames."""
    guilty = _first(stack, _is_application) or _first(stack, _is_outside_stdlib) or stack[0]
    return f"{guilty.module}:{guilty.function}"


def _first(stack: Iterable[Place], wanted: Callable[[Place], bool]) -> Place | None:
    return next((place for place in stack if wanted(place)), None)


def _is_application(place: Place) -> bool:
    is_own = place.module.partition(".")[0] == _OWN_PACKAGE
    return not is_own and not _is_installed(place) and _is_outside_stdlib(place)


def _is_installed(place: Place) -> bool:
    filename = place.filename
    return filename.startswith(_INSTALLED) or any(folder in filename for folder in _PACKAGE_FOLDERS)


def _is_outside_stdlib(place: Place) -> bool:
    # Code without a file is the interpreter's own, or was made by a library at run time.
    if place.filename.startswith("<"):
        return False
    return _is_installed(place) or not place.filename.startswith(_STDLIB)


def stack_of(thread_id: int, boundary: CodeType) -> Stack:
    """The callback that another thread runs now, innermost function first; empty while it runs none."""
    frames = sys._current_frames()  # noqa: SLF001  the documented way to see another thread
    return callback_stack(frames.get(thread_id), boundary)
