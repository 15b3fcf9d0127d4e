"""The service and a worker under the load of `make traffic`, scraped by a real Prometheus with our rules."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dashboards.slo.objectives import load
from service.infra.embedded.ports import free_port
from tests.instances import ROOT, Instance
from tests.stack.boards.collector import Collector, running_collector
from tests.stack.boards.prometheus import Prometheus, running_prometheus
from tests.stack.conftest import program

TRAFFIC_SECONDS, USERS = 30, 8
EXPORT_MILLISECONDS = 500


@dataclass(frozen=True, slots=True)
class Lived:
    """What is left to look at after the load."""

    prometheus: Prometheus
    collector: Collector


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    program("prometheus")
    folder = tmp_path_factory.mktemp("live")
    folder.chmod(0o755)
    objectives, worker_port = load(), free_port()
    with running_collector() as collector:
        settings = {
            "WORKER_METRICS_PORT": str(worker_port),
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            # A crowd that this machine can bear must be enough to empty the pool.
            "POOL_TIMEOUT": "0.2",
            "OTEL_BSP_SCHEDULE_DELAY": str(EXPORT_MILLISECONDS),
        }
        instance = Instance.up(folder, settings=settings)
        try:
            jobs = {objectives.api_job: instance.port, objectives.worker_job: worker_port}
            with running_prometheus(folder, jobs) as prometheus:
                _send_traffic(instance, folder)
                prometheus.end()
                yield Lived(prometheus, collector)
        finally:
            instance.stop()


def _send_traffic(instance: Instance, folder: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "locust",
        "-f",
        "dashboards/traffic/locustfile.py",
        "--headless",
        "--only-summary",
    ]
    options = [
        "--host",
        instance.base,
        "--run-time",
        f"{TRAFFIC_SECONDS}s",
        "--users",
        str(USERS),
        "--exit-code-on-error",
        "0",
    ]
    password = (folder / "data" / "sample-users.secret").read_text().strip()
    done = subprocess.run(
        [*command, *options],
        cwd=ROOT,
        env={**os.environ, "SAMPLE_PASSWORD": password},
        capture_output=True,
        text=True,
        check=False,
        timeout=TRAFFIC_SECONDS * 3,
    )
    (folder / "traffic.log").write_text(done.stdout + done.stderr)
    assert done.returncode == 0, done.stderr
