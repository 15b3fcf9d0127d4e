from pathlib import Path

import pytest

from dashboards.slo.objectives import FILE, ObjectivesError, load


@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        ("target: 99.9", "target: 100", "target 100 leaves no error budget. Write at most 99.999"),
        ("target: 99.9", "target: 0.999", "too low to page anybody. Write at least 95"),
        ("target: 99.9", "target: high", "target is 'high', not a number. Write per cent"),
        ("target: 99.9", "traget: 99.9", "traget is not known here. Remove it, or correct its spelling"),
        (
            "kind: availability",
            "kind: uptime",
            "kind: input should be 'availability', 'latency' or 'freshness'",
        ),
        (
            "threshold: 250ms",
            "threshold: 250",
            "threshold 250 is no duration. Write a number with its unit",
        ),
        ("threshold: 250ms", "threshold: 20s", "threshold 20 s is outside of the buckets"),
        ("threshold: 250ms", "threshold: 1ms", "Write 5ms to 10s"),
        (
            "threshold: 30s",
            "threshold: 20s",
            "threshold 20 s is no bucket of background_task_queue_delay_seconds",
        ),
        ("routes: [/products,", "routes: [/prodcts,", "/prodcts is served by nobody. Did you mean /products"),
        ("methods: [GET]", "methods: [FETCH]", "FETCH is served by nobody. Did you mean PATCH"),
        ("name: latency", "name: availability", "name availability is taken"),
        ("period: 30d", "period: 90d", "period '90d' is not understood. Write 7d to 30d"),
        ("minimum_bad_events: 10", "minimum_bad_events: 0", "greater than or equal to 1. Change 0"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_write(
    tmp_path: Path, written: str, instead: str, told: str
) -> None:
    text = FILE.read_text()
    assert written in text
    path = tmp_path / "slo.yaml"
    path.write_text(text.replace(written, instead, 1))
    with pytest.raises(ObjectivesError) as error:
        load(path)
    assert told in str(error.value)
    line = text[: text.index(written)].count("\n") + 1
    assert str(error.value).startswith(f"{path}:{line}: ")


@pytest.mark.parametrize(
    ("kind", "line", "told"),
    [
        ("latency", "", "latency needs a threshold"),
        ("availability", "threshold: 1s", "availability has no threshold"),
        ("freshness", "threshold: 30s\n    routes: [/products]", "jobs have no routes or methods"),
        (
            "availability",
            "routes: [/me]\n    except_routes: [/me]",
            "routes and except_routes exclude each other",
        ),
    ],
)
def test_an_objective_that_contradicts_itself_is_refused(
    tmp_path: Path, kind: str, line: str, told: str
) -> None:
    head = FILE.read_text().partition("objectives:\n")[0]
    path = tmp_path / "slo.yaml"
    objective = f"  - name: one\n    description: A promise.\n    kind: {kind}\n    target: 99\n    {line}\n"
    path.write_text(f"{head}objectives:\n{objective}")
    with pytest.raises(ObjectivesError, match=told) as error:
        load(path)
    assert error.value.line == head.count("\n") + 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "not YAML"),
        ("", "there are no objectives in it"),
        ("service: glasshouse\n", "is missing. Add"),
    ],
)
def test_a_file_that_is_none_is_told_as_such(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "slo.yaml"
    path.write_text(text)
    with pytest.raises(ObjectivesError, match=told):
        load(path)


def test_a_file_that_is_not_there_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(ObjectivesError, match="there is no such file"):
        load(tmp_path / "slo.yaml")


def test_the_budget_is_what_the_target_leaves_exactly() -> None:
    budgets = {each.name: each.error_budget for each in load().objectives}
    assert budgets == {"availability": 0.001, "latency": 0.01, "catalogue-latency": 0.01, "freshness": 0.01}
