"""The service and a worker under the load of `make traffic`, scraped by a real Prometheus with our rules."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dashboards.slo.objectives import load
from service.infra.embedded.ports import free_port
from tests.instances import ROOT, Instance
from tests.stack.boards.collector import Collector, running_collector
from tests.stack.boards.prometheus import Prometheus, running_prometheus

EXPORT_MILLISECONDS = 500


@dataclass(frozen=True, slots=True)
class Lived:
    """What is left to look at after the load."""

    prometheus: Prometheus
    collector: Collector


@contextmanager
def a_life(folder: Path, *, seconds: int, users: int, settings: Mapping[str, str]) -> Iterator[Lived]:
    """All of it, until the load is over and was scraped; it goes on for as long as somebody asks."""
    objectives, worker_port = load(), free_port()
    with running_collector() as collector:
        instance = Instance.up(
            folder,
            settings={
                "WORKER_METRICS_PORT": str(worker_port),
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
                "OTEL_BSP_SCHEDULE_DELAY": str(EXPORT_MILLISECONDS),
                **settings,
            },
        )
        try:
            jobs = {objectives.api_job: instance.port, objectives.worker_job: worker_port}
            with running_prometheus(folder, jobs) as prometheus:
                _send_traffic(instance, folder, seconds, users)
                prometheus.end()
                yield Lived(prometheus, collector)
        finally:
            instance.stop()


def _send_traffic(instance: Instance, folder: Path, seconds: int, users: int) -> None:
    command = [sys.executable, "-m", "locust", "-f", "dashboards/traffic/locustfile.py", "--headless"]
    options = {
        "--host": instance.base,
        "--run-time": f"{seconds}s",
        "--users": users,
        "--exit-code-on-error": 0,
    }
    password = (folder / "data" / "sample-users.secret").read_text().strip()
    with (folder / "traffic.log").open("w") as log:
        done = subprocess.run(
            [*command, "--only-summary", *(str(word) for option in options.items() for word in option)],
            cwd=ROOT,
            env={**os.environ, "SAMPLE_PASSWORD": password},
            stdout=log,
            stderr=log,
            check=False,
            timeout=60 + 3 * seconds,
        )
    assert done.returncode == 0, (folder / "traffic.log").read_text()
