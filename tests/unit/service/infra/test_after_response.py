from fastapi import BackgroundTasks, FastAPI
from fastapi.testclient import TestClient

from observability import conventions
from observability.setup import instrument
from service.infra.after_response import after_response


async def test_a_failing_task_is_counted_and_does_not_skip_the_rest() -> None:
    app, done = FastAPI(), list[str]()
    telemetry = instrument(app, service_name="tests")

    async def fail() -> None:
        msg = "no"
        raise OSError(msg)

    async def succeed(name: str) -> None:
        done.append(name)

    @app.get("/")
    async def answer(tasks: BackgroundTasks) -> None:
        after_response(tasks, fail)
        after_response(tasks, succeed, "the second")

    with TestClient(app) as client:
        assert client.get("/").status_code == 200
    assert done == ["the second"]
    outcomes = {
        (sample.labels["task"].rpartition(".")[2], sample.labels["outcome"]): sample.value
        for metric in telemetry.registry.collect()
        for sample in metric.samples
        if sample.name == f"{conventions.TASK_DURATION.name}_count"
    }
    assert outcomes == {("fail", "failed"): 1, ("succeed", "succeeded"): 1}
