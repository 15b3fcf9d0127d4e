"""The commands with which others serve FastAPI applications serve this one too."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from service.settings import Settings

ROOT = Path(__file__).parents[2]
UVICORN = ("uvicorn", "--factory", "service.app:create_app", "--log-level", "warning")
COMMANDS = {
    "uvicorn --factory": UVICORN,
    "fastapi run": ("fastapi", "run"),
}


def environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "REDIS_TIMEOUT": str(settings.redis_timeout),
        "TOKEN_SECRET": settings.token_secret.get_secret_value(),
    }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@asynccontextmanager
async def running(
    module: str, *arguments: str, env: dict[str, str]
) -> AsyncIterator[tuple[subprocess.Popen[str], str]]:
    port = free_port()
    command = [sys.executable, "-m", module, *arguments, "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(  # noqa: ASYNC220  (our own command, and starting it is quick)
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process, f"http://127.0.0.1:{port}"
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                await asyncio.to_thread(process.communicate)


async def when_ready(process: subprocess.Popen[str], url: str) -> httpx2.Response:
    async with asyncio.timeout(60), httpx2.AsyncClient(base_url=url) as client:
        while process.poll() is None:
            try:
                return await client.get("/readyz")
            except httpx2.TransportError:
                await asyncio.sleep(0.05)
    pytest.fail(f"ended with {process.returncode}: {process.communicate()[0]}")


@pytest.mark.parametrize("command", COMMANDS)
async def test_the_service_runs_under(settings: Settings, command: str) -> None:
    async with running(*COMMANDS[command], env=environment(settings)) as (process, url):
        answer = await when_ready(process, url)
        assert (answer.status_code, answer.json()["status"]) == (200, "ready")
        assert "x-process-time" in answer.headers


def test_without_its_settings_it_says_in_one_line_which_are_missing() -> None:
    command = [sys.executable, "-m", *UVICORN]
    done = subprocess.run(command, cwd=ROOT, env={}, check=False, capture_output=True, text=True)
    assert done.returncode != 0
    assert (done.stdout, done.stderr) == (
        "",
        "glasshouse: DATABASE_URL is not set; REDIS_URL is not set; TOKEN_SECRET is not set\n",
    )
