"""Who is told what, as Alertmanager decides it."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from dashboards.local import STACK, Ports, alertmanager_config
from dashboards.slo.files import rules
from dashboards.slo.objectives import load
from tests.stack.conftest import Tool

CONFIG = STACK / "alertmanager.yml"


def test_amtool_finds_no_fault_in_the_configuration(amtool: Tool, tmp_path: Path) -> None:
    (tmp_path / "here.yml").write_text(alertmanager_config(Ports()))
    for path in (CONFIG, tmp_path / "here.yml"):
        done = amtool("check-config", path)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (("alertname=ErrorBudgetBurn", "severity=page"), "page"),
        (("alertname=ErrorBudgetBurn", "severity=ticket"), "ticket"),
        (("alertname=Watchdog", "severity=none"), "watchdog"),
        (("alertname=SomebodyElses",), "ticket"),
    ],
    ids=["page", "ticket", "watchdog", "unknown"],
)
def test_severity_decides_who_is_told(amtool: Tool, labels: tuple[str, ...], receiver: str) -> None:
    done = amtool(
        "config", "routes", "test", f"--config.file={CONFIG}", f"--verify.receivers={receiver}", *labels
    )
    assert done.returncode == 0, done.stdout


def test_each_alert_reaches_the_receiver_of_its_severity(amtool: Tool) -> None:
    ways = {
        (rule["alert"], rule["labels"]["severity"])
        for text in rules(load()).values()
        for group in YAML(typ="safe").load(text)["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    for alert, severity in sorted(ways):
        receiver = "watchdog" if severity == "none" else severity
        done = amtool(
            *("config", "routes", "test", f"--config.file={CONFIG}", f"--verify.receivers={receiver}"),
            *(f"alertname={alert}", f"severity={severity}"),
        )
        assert done.returncode == 0, f"{alert}: {done.stdout}"
