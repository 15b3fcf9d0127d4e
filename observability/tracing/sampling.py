"""Which traces are kept from the start. The others may still be, once it is seen how they end."""

import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from observability.context import Scope

Headers = Iterable[tuple[bytes, bytes]]
# Trace id, id of the caller's span or empty, and whether the trace is kept from the start.
Start: TypeAlias = tuple[int, str, bool]

# https://www.w3.org/TR/trace-context-2/#traceparent-header
_TRACEPARENT = re.compile(
    rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
_SAMPLED = 0x01
# OpenTelemetry's TraceIdRatioBased looks at these bits of a trace id.
_RATIO_BITS = (1 << 64) - 1
_PARAMETER = re.compile(r"\{([^}:]*)(:path)?[^}]*\}")


@dataclass(frozen=True, slots=True)
class SamplingRule:
    """What decides at the start of a trace.

    Attributes:
        ratio: Share (0 to 1) of the traces that start here.
        follows_parent: Whether callers decide about theirs.
        routes: Ratios of some routes, by their templates below the root path.
    """

    ratio: float
    follows_parent: bool = True
    routes: Mapping[str, float] = field(default_factory=dict)


# Chooses nothing: without tracing there is nothing to keep.
NEVER = SamplingRule(0.0, follows_parent=False)


class Sampler:
    """Gives each request its ids and decides whether its trace is kept from the start."""

    __slots__ = ("_bound", "_follows_parent", "_routes")

    def __init__(self, rule: SamplingRule) -> None:
        """Sample by this rule."""
        self._bound = _bound(rule.ratio)
        self._follows_parent = rule.follows_parent
        self._routes = [(_pattern(route), _bound(ratio)) for route, ratio in rule.routes.items()]

    def decide(self, scope: Scope) -> Start:
        """How the trace of a request, WebSocket or job of this scope starts."""
        for name, value in scope["headers"]:
            if name == b"traceparent" and (parent := parse(value)):
                trace_number, parent_id, is_sampled = parent
                if not self._follows_parent:
                    is_sampled = self.chooses(trace_number, scope)
                return trace_number, parent_id, is_sampled
        number = random.getrandbits(128) or 1
        bound = self._bound_of(scope) if self._routes else self._bound
        return number, "", (number & _RATIO_BITS) < bound

    def chooses(self, trace_number: int, scope: Scope) -> bool:
        """Whether a trace of this id, which nobody else has decided about, is kept from the start."""
        return (trace_number & _RATIO_BITS) < self._bound_of(scope)

    def _bound_of(self, scope: Scope) -> int:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        return next((bound for pattern, bound in self._routes if pattern.fullmatch(path)), self._bound)


def parse(traceparent: bytes) -> Start | None:
    """Trace id, span id and whether it is sampled; None when it is not valid."""
    match = _TRACEPARENT.fullmatch(traceparent.strip())
    if match is None:
        return None
    version, trace_id, parent_id, flags, rest = match.groups()
    if version == b"00" and rest:
        return None
    return int(trace_id, 16), parent_id.decode(), bool(int(flags, 16) & _SAMPLED)


def _bound(ratio: float) -> int:
    return round(ratio * (_RATIO_BITS + 1))


def _pattern(template: str) -> re.Pattern[str]:
    """What paths of a route look like."""
    pieces, end = [], 0
    for parameter in _PARAMETER.finditer(template):
        pieces += [re.escape(template[end : parameter.start()]), ".*" if parameter[2] else "[^/]+"]
        end = parameter.end()
    return re.compile("".join([*pieces, re.escape(template[end:])]))
