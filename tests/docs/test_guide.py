"""docs/use-it-on-your-own-app.md, done as it says."""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from observability.conventions import LABELS, METRICS
from observability.settings import TelemetrySettings
from tests.docs.pages import Block, blocks_of, table_under
from tests.docs.reader import Reader, copy_checkout

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "use-it-on-your-own-app.md"
NAMES = {metric.name for metric in METRICS}


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    checkout = tmp_path / "checkout"
    copy_checkout(ROOT, checkout)
    reader = Reader(tmp_path, checkout, named_ports=(8000, 9100))
    yield reader
    reader.leave()


def test_a_reader_gets_what_the_guide_promises(reader: Reader) -> None:
    blocks = blocks_of(GUIDE)
    assert len(blocks) > 25
    reader.follow(blocks)


def test_the_settings_of_the_guide_are_those_there_are() -> None:
    documented = [(name, default) for name, default, _ in table_under(GUIDE, "Settings")]
    assert documented == [(field.name, repr(field.default)) for field in fields(TelemetrySettings)]


def test_queries_after_the_move_name_metrics_and_labels_that_exist() -> None:
    (promql,) = (block for block in blocks_of(GUIDE) if block.language == "promql")
    _, _, now = promql.text.partition("# now\n")
    metrics = set(re.findall(r"\b(http_server_\w+?)(?:_count|_bucket)\b", now))
    assert metrics == {"http_server_request_duration_seconds"} & NAMES
    assert set(re.findall(r"\b(http_response\w+|http_route)\b", now)) <= LABELS.keys()


@pytest.mark.parametrize("column", range(2))
def test_what_the_move_leads_to_exists(column: int) -> None:
    """Both tables: the right column is ours, the left one is not."""
    text = GUIDE.read_text().partition("## Moving here")[2]
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    found = {name for row in rows for name in re.findall(r"`(\w+_\w+)", row[column])}
    ours = {name for name in found if name.removesuffix("_count") in NAMES or name in LABELS}
    assert ours == (found if column else set())


def test_links_lead_somewhere() -> None:
    links = set(re.findall(r"\]\(([^)]+)\)", GUIDE.read_text()))
    assert links
    assert [link for link in links if not (GUIDE.parent / link).exists()] == []


def test_every_program_has_a_name() -> None:
    nameless: list[Block] = [
        block for block in blocks_of(GUIDE) if block.language == "python" and not block.file
    ]
    assert not nameless
