"""Rules as data, and as Prometheus reads them."""

from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

HEADER = "# Written from dashboards/slo.yaml by `make dashboards`; change it there.\n"
WIDTH = 4096


@dataclass(frozen=True, slots=True)
class Recording:
    """A series that is computed from others."""

    record: str
    expr: str
    labels: dict[str, str] = field(default_factory=dict)

    def as_yaml(self) -> dict[str, Any]:
        """As it stands in a file of rules."""
        return {"record": self.record, "expr": _text(self.expr), "labels": self.labels}


@dataclass(frozen=True, slots=True)
class Alert:
    """What somebody is told. Labels say what it is about and never hold a value that changes while it fires."""

    name: str
    expr: str
    hold: str
    labels: dict[str, str]
    annotations: dict[str, str]

    def as_yaml(self) -> dict[str, Any]:
        """As it stands in a file of rules."""
        timing = {"for": self.hold, "keep_firing_for": "5m"} if self.hold else {}
        return {
            "alert": self.name,
            "expr": _text(self.expr),
            **timing,
            "labels": self.labels,
            "annotations": self.annotations,
        }


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after another."""

    name: str
    interval: str
    rules: tuple[Recording | Alert, ...]


def as_text(groups: list[Group]) -> str:
    """A file of rules."""
    return dumped(
        {
            "groups": [
                {
                    "name": group.name,
                    "interval": group.interval,
                    "rules": [rule.as_yaml() for rule in group.rules],
                }
                for group in groups
            ]
        }
    )


def dumped(tree: dict[str, Any]) -> str:
    """Generated YAML, marked as such."""
    yaml = YAML()
    yaml.width = WIDTH
    yaml.representer.ignore_aliases = lambda _data: True
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = StringIO()
    yaml.dump(tree, stream)
    return HEADER + stream.getvalue()


def _text(expr: str) -> str:
    return LiteralScalarString(expr + "\n") if "\n" in expr else expr
