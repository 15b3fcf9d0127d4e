from pathlib import Path

import pytest
from typer.testing import CliRunner

from dashboards import __main__ as command_line
from dashboards.generation import GENERATED, ROOT, differences, generate, write
from dashboards.slo.objectives import ROUTES_FILE, load
from observability import conventions
from service.app import create_app
from service.objectives import LATENCY_THRESHOLDS
from service.settings import Settings

SETTINGS = Settings(
    database_url="postgresql://nobody@nowhere/none",
    redis_url="redis://nowhere",
    token_secret="9f8e7d6c5b4a39281706f5e4d3c2b1a0",
)


def test_what_is_committed_is_what_the_objectives_give() -> None:
    assert list(differences(ROOT, generate())) == [], "run `make dashboards`"


def test_a_stale_a_missing_and_a_forgotten_file_are_differences(tmp_path: Path) -> None:
    files = {GENERATED / name: name for name in ("fresh", "stale", "missing")}
    write(tmp_path, files)
    (tmp_path / GENERATED / "stale").write_text("edited")
    (tmp_path / GENERATED / "missing").unlink()
    (tmp_path / GENERATED / "forgotten").write_text("")
    found = {path.name for path in differences(tmp_path, files)}
    assert found == {"stale", "missing", "forgotten"}
    assert {path.name for path in write(tmp_path, files)} == found
    assert list(differences(tmp_path, files)) == []


def test_check_says_which_file_and_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_line, "ROOT", tmp_path)
    before = CliRunner().invoke(command_line.cli, ["check"])
    assert before.exit_code == 1
    assert (
        "dashboards/generated/prometheus/symptoms.yml is not what dashboards/slo.yaml gives" in before.output
    )
    assert "Run `make dashboards`" in before.output
    assert CliRunner().invoke(command_line.cli, ["build"]).exit_code == 0
    assert CliRunner().invoke(command_line.cli, ["check"]).exit_code == 0


def test_the_service_has_a_bucket_for_each_latency_objective() -> None:
    app = create_app(SETTINGS)
    assert load().latency_thresholds == LATENCY_THRESHOLDS
    assert app.state.telemetry.settings.latency_thresholds == LATENCY_THRESHOLDS


def test_a_request_that_breaks_the_objective_of_its_route_is_slow() -> None:
    thresholds = create_app(SETTINGS).state.telemetry.settings.slow_thresholds
    assert thresholds == load().route_thresholds == {"/products": 0.05, "/products/{product_id}": 0.05}


def test_routes_are_those_of_the_service() -> None:
    served = sorted(create_app(SETTINGS).openapi()["paths"])
    assert ROUTES_FILE.read_text().split() == served, f"write these lines into {ROUTES_FILE}"


def test_the_names_that_objectives_rely_on_are_labels_of_their_metrics() -> None:
    assert {conventions.ROUTE, conventions.METHOD, conventions.STATUS} == set(
        conventions.HTTP_REQUEST_DURATION.labels
    )
    assert conventions.RUNNER in conventions.TASK_QUEUE_DELAY.labels
