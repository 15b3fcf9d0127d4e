"""What a figure depends on besides the code: the machine, the versions, the commit."""

import os
import platform
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from tests.benchmarks import cores

_PACKAGES = (
    "fastapi",
    "starlette",
    "pydantic",
    "uvicorn",
    "uvloop",
    "httptools",
    "sqlalchemy",
    "asyncpg",
    "redis",
    "prometheus-client",
    "opentelemetry-sdk",
    "opentelemetry-instrumentation-fastapi",
    "prometheus-fastapi-instrumentator",
    "starlette-exporter",
    "fastapi-observer",
    "psycopg",
)


def environment() -> Iterator[tuple[str, str]]:
    """Facts by name, in the order in which they are shown."""
    yield "Date", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    yield "Commit", _commit()
    yield (
        "Machine",
        f"{_processor()}, {len(cores.ALL) or os.cpu_count()} cores, {_memory()}, {platform.system()} {platform.release()}",
    )
    yield "Load average before", f"{os.getloadavg()[0]:.2f}"
    yield "Python", f"{platform.python_implementation()} {platform.python_version()}"
    yield "Versions", ", ".join(f"{name} {version(name)}" for name in _PACKAGES)


def _commit() -> str:
    commit = _output("git", "rev-parse", "--short=12", "HEAD") or "unknown"
    return (
        f"{commit}, with uncommitted changes"
        if _output("git", "status", "--porcelain", "--untracked-files=no")
        else commit
    )


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    return done.stdout.strip()


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _memory() -> str:
    return f"{psutil.virtual_memory().total / 2**30:.0f} GiB"
