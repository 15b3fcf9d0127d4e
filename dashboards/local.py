"""The Prometheus and Alertmanager of this machine, with our configuration."""

import shutil
import socket
import subprocess
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

STACK = Path(__file__).parent / "stack"
RULES = Path(__file__).parent / "generated" / "prometheus"
HOST = "127.0.0.1"
STOP_SECONDS = 10.0
# Debian calls it by another name than everybody else.
ALERTMANAGERS = ("alertmanager", "prometheus-alertmanager")
RETENTION = "40d"


class StackError(Exception):
    """The stack cannot run here; the message says what to do."""


# How far from the API's port `make run` puts the worker's metrics, when that port is free.
WORKER_PORT_OFFSET = 100


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything is, on this machine."""

    api: int = 8000
    worker: int = 8000 + WORKER_PORT_OFFSET
    prometheus: int = 9090
    alertmanager: int = 9093
    receiver: int = 9095


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs to run."""

    prometheus: str
    alertmanager: str


def find_binaries() -> Binaries:
    """The programs on the PATH.

    Raises:
        StackError: One is missing.
    """
    prometheus = shutil.which("prometheus")
    alertmanager = next(filter(None, map(shutil.which, ALERTMANAGERS)), None)
    if prometheus and alertmanager:
        return Binaries(prometheus, alertmanager)
    programs = {"prometheus": prometheus, "alertmanager": alertmanager}
    missing = ", ".join(name for name, path in programs.items() if not path)
    msg = (
        f"not installed: {missing}. On Debian and Ubuntu: apt-get install prometheus prometheus-alertmanager; "
        "elsewhere: https://prometheus.io/download/"
    )
    raise StackError(msg)


def require_free(ports: Ports) -> None:
    """Make sure that nobody else listens.

    Raises:
        StackError: Somebody does.
    """
    for name in ("prometheus", "alertmanager", "receiver"):
        port = getattr(ports, name)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                msg = f"port {port} is taken: choose another with --{name}-port, or stop what listens there"
                raise StackError(msg) from None


def prometheus_config(ports: Ports, rules: Path = RULES) -> str:
    """The configuration of the containers with the addresses of this machine; exporters run in containers alone."""
    config = _loaded("prometheus.yml")
    config["rule_files"] = [f"{rules.resolve()}/*.yml"]
    config["alerting"]["alertmanagers"] = [_static(ports.alertmanager)]
    here = {
        "glasshouse": ports.api,
        "glasshouse-worker": ports.worker,
        "prometheus": ports.prometheus,
        "alertmanager": ports.alertmanager,
    }
    config["scrape_configs"] = [
        {"job_name": job["job_name"], **_static(here[job["job_name"]])}
        for job in config["scrape_configs"]
        if job["job_name"] in here
    ]
    return _dumped(config)


def alertmanager_config(ports: Ports) -> str:
    """The configuration of the containers, with notifications sent to this machine."""
    config = _loaded("alertmanager.yml")
    for receiver in config["receivers"]:
        for webhook in receiver["webhook_configs"]:
            webhook["url"] = f"http://{HOST}:{ports.receiver}/{receiver['name']}"
    return _dumped(config)


class Stack:
    """Both programs, from start to stop."""

    def __init__(self, binaries: Binaries, ports: Ports, folder: Path) -> None:
        """Know what to run; their data and logs go into the folder."""
        self._binaries, self._ports, self._folder = binaries, ports, folder
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, prometheus: str, alertmanager: str) -> None:
        """Start both with these configurations."""
        self._folder.mkdir(parents=True, exist_ok=True)
        folder, ports = self._folder.resolve(), self._ports
        (folder / "prometheus.yml").write_text(prometheus)
        (folder / "alertmanager.yml").write_text(alertmanager)
        self._run(
            self._binaries.prometheus,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'prometheus'}",
            f"--storage.tsdb.retention.time={RETENTION}",
            f"--web.listen-address={HOST}:{ports.prometheus}",
            "--enable-feature=exemplar-storage",
        )
        self._run(
            self._binaries.alertmanager,
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address={HOST}:{ports.alertmanager}",
            "--cluster.listen-address=",
        )

    def ended(self) -> str | None:
        """What has ended by itself, and its last words."""
        for program, process in self._processes.items():
            if process.poll() is not None:
                return f"{program} has ended: {self._log(program).read_text().strip().rpartition(chr(10))[2]}"
        return None

    def stop(self) -> None:
        """End both, and wait for it."""
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _run(self, program: str, *options: str) -> None:
        name = Path(program).name
        with self._log(name).open("wb") as log:
            self._processes[name] = subprocess.Popen([program, *options], stdout=log, stderr=log)  # noqa: S603

    def _log(self, program: str) -> Path:
        return self._folder / f"{program}.log"


def _loaded(name: str) -> Any:
    return YAML(typ="safe").load(STACK / name)


def _static(port: int) -> dict[str, Any]:
    return {"static_configs": [{"targets": [f"{HOST}:{port}"]}]}


def _dumped(config: Any) -> str:
    stream = StringIO()
    YAML(typ="safe").dump(config, stream)
    return stream.getvalue()
