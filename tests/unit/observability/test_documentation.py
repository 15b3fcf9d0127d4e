"""The page that lists what is measured."""

import subprocess
import sys
from pathlib import Path

from observability.conventions import LABELS, METRICS
from observability.documentation import render

PAGE = Path(__file__).parents[3] / "docs" / "telemetry.md"


def test_the_page_is_what_the_conventions_say() -> None:
    assert PAGE.read_text() == render(), "run: python -m observability.documentation > docs/telemetry.md"


def test_the_page_explains_every_metric_and_label() -> None:
    page = render()
    assert all(f"| `{metric.name}` | {metric.kind} |" in page for metric in METRICS)
    assert all(f"| `{label}` | " in page for label in LABELS)


def test_the_command_writes_the_page() -> None:
    command = [sys.executable, "-m", "observability.documentation"]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == render()
