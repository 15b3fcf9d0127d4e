"""What `promtool` says of the rules, and what becomes of the stories when something below them breaks."""

import shutil
from pathlib import Path

import pytest

from dashboards.generation import GENERATED, ROOT
from dashboards.local import STACK, Ports, prometheus_config
from tests.stack.conftest import Tool

RULES = ROOT / GENERATED / "prometheus"
STORIES = sorted((RULES / "tests").glob("*.yml"))


def test_promtool_finds_no_fault_in_the_rules(promtool: Tool) -> None:
    done = promtool("check", "rules", *sorted(RULES.glob("*.yml")))
    assert done.returncode == 0, done.stdout


def test_promtool_finds_no_fault_in_the_configuration_of_containers(promtool: Tool) -> None:
    done = promtool("check", "config", STACK / "prometheus.yml")
    assert done.returncode == 0, done.stdout
    assert f"{len(list(RULES.glob('*.yml')))} rule files found" in done.stdout


def test_promtool_finds_no_fault_in_the_configuration_of_this_machine(promtool: Tool, tmp_path: Path) -> None:
    (tmp_path / "prometheus.yml").write_text(prometheus_config(Ports()))
    done = promtool("check", "config", tmp_path / "prometheus.yml")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_each_story_of_an_objective_ends_as_it_must(promtool: Tool, path: Path) -> None:
    done = promtool("test", "rules", path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("rules", "written", "instead"),
    [
        (
            "slo-catalogue-latency.yml",
            "http_server_request_duration_seconds",
            "http_request_duration_seconds",
        ),
        ("slo-catalogue-latency.yml", 'le="0.05"', 'le="0.06"'),
        ("slo-catalogue-latency.yml", "http_route=~", "route=~"),
        ("slo-catalogue-latency.yml", " >= 10\n", " >= 1\n"),
        ("slo-catalogue-latency.yml", "> 14.4", "> 144"),
    ],
    ids=["renamed metric", "lost bucket", "misspelt label", "no minimum of events", "wrong burn rate"],
)
def test_a_broken_rule_does_not_pass_the_stories(
    promtool: Tool, tmp_path: Path, rules: str, written: str, instead: str
) -> None:
    shutil.copytree(RULES / "tests", tmp_path / "tests")
    text = (RULES / rules).read_text()
    assert written in text
    (tmp_path / rules).write_text(text.replace(written, instead))
    done = promtool(
        "test", "rules", tmp_path / "tests" / rules.replace("slo-", "").replace(".yml", "-hours.yml")
    )
    assert done.returncode == 1
    assert "FAILED" in done.stdout


def test_a_share_that_weighs_hours_instead_of_events_does_not_pass_the_stories(
    promtool: Tool, tmp_path: Path
) -> None:
    shutil.copytree(RULES / "tests", tmp_path / "tests")
    text = (RULES / "slo-latency.yml").read_text()
    exact = 'sum_over_time(slo:sli_total:rate5m{sloth_id="glasshouse-latency"}[30d])'
    assert exact in text
    naive = 'count_over_time(slo:sli_total:rate5m{sloth_id="glasshouse-latency"}[30d])'
    (tmp_path / "slo-latency.yml").write_text(text.replace(exact, naive))
    done = promtool("test", "rules", tmp_path / "tests" / "latency-weeks.yml")
    assert "FAILED" in done.stdout
