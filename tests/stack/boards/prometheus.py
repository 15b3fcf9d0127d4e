"""A real Prometheus, and what it answers."""

import math
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from service.infra.embedded.ports import free_port
from tests.instances import ROOT, eventually

Series = Mapping[str, Any]
RULES = ROOT / "dashboards/generated/prometheus"
SCRAPE_SECONDS = 2


class Prometheus:
    """Asks the one on this port."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.began = self.ended = now()
        self._answers: dict[tuple[str | float, ...], Sequence[Series]] = {}

    def range(self, expr: str, *, step: float) -> Sequence[Series]:
        """From its beginning to its end."""
        asked: dict[str, str | float] = {"query": expr, "start": self.began, "end": self.ended, "step": step}
        return self._remembered("query_range", asked)

    def instant(self, expr: str) -> Sequence[Series]:
        return self._remembered("query", {"query": expr, "time": self.ended})

    def label_values(self, selector: str, label: str) -> Sequence[str]:
        found: list[str] = self._data(f"label/{label}/values", {"match[]": selector})
        return found

    def exemplars(self, expr: str) -> list[Mapping[str, Any]]:
        asked = {"query": expr, "start": self.began, "end": self.ended}
        return [each for series in self._data("query_exemplars", asked) for each in series["exemplars"]]

    def rules(self) -> list[Mapping[str, Any]]:
        return [rule for group in self._data("rules", {})["groups"] for rule in group["rules"]]

    def end(self) -> None:
        """Wait until each target has answered once more; from then on, answer about the time until then."""
        moment = now()
        eventually("a scrape of each target", lambda: self._last_answers() > moment)
        self.ended = now()

    def _remembered(self, path: str, asked: Mapping[str, str | float]) -> Sequence[Series]:
        """Asked once: several tests look at the same answers."""
        key = (path, *asked.values())
        if key not in self._answers:
            self._answers[key] = self._data(path, asked)["result"]
        return self._answers[key]

    def _last_answers(self) -> float:
        found = self._data("query", {"query": "min(up * timestamp(up))"})["result"]
        return float(found[0]["value"][1]) if found else 0.0

    def _data(self, path: str, asked: Mapping[str, Any]) -> Any:
        answer = httpx2.get(f"{self.base}/api/v1/{path}", params=asked, timeout=30).json()
        assert answer["status"] == "success", (asked, answer)
        return answer["data"]


def now() -> float:
    return datetime.now(UTC).timestamp()


def numbers(series: Series) -> list[float]:
    """All values that are numbers."""
    points = series["values"] if "values" in series else [series["value"]]
    return [number for _, text in points if not math.isnan(number := float(text))]


@contextmanager
def running_prometheus(folder: Path, jobs: Mapping[str, int]) -> Iterator[Prometheus]:
    """One that scrapes these ports and itself, keeps its data below the folder, and is gone afterwards."""
    port = free_port()
    (folder / "prometheus.yml").write_text(_config({**jobs, "prometheus": port}, _faster_rules(folder)))
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage",
        "--log.level=warn",
    ]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        prometheus = Prometheus(port)
        eventually("Prometheus", lambda: _is_ready(prometheus) or process.poll() is not None)
        assert process.poll() is None, (folder / "prometheus.log").read_text()
        yield prometheus
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _is_ready(prometheus: Prometheus) -> bool:
    try:
        return httpx2.get(f"{prometheus.base}/-/ready").is_success
    except httpx2.HTTPError:
        return False


def _faster_rules(folder: Path) -> list[str]:
    """Ours, at the pace of a test: an evaluation with each scrape, and no alert waits."""
    names = []
    for path in RULES.glob("*.yml"):
        text = re.sub(r"interval: \w+", f"interval: {SCRAPE_SECONDS}s", path.read_text())
        (folder / path.name).write_text(re.sub(r"\bfor: \w+", "for: 0s", text))
        names.append(path.name)
    return names


def _config(jobs: Mapping[str, int], rules: Sequence[str]) -> str:
    scrapes = "\n".join(
        f"  - {{job_name: {job}, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}"
        for job, port in jobs.items()
    )
    return f"""
global: {{scrape_interval: {SCRAPE_SECONDS}s, evaluation_interval: {SCRAPE_SECONDS}s}}
rule_files: [{", ".join(rules)}]
scrape_configs:
{scrapes}
"""
