"""Somebody who does what a page says, from its top to its bottom, in an environment of their own."""

import os
import re
import shutil
import socket
import subprocess
import sysconfig
import time
import venv
from collections.abc import Callable, Iterable
from pathlib import Path

from service.infra.embedded.ports import free_port
from tests.docs.pages import Block, Command, pattern_of

PATIENCE = 60.0
_UVICORN = """#!{python}
import uvicorn
if __name__ == "__main__":
    uvicorn.main()
"""


class Reader:
    """Types commands and saves programs. Ports that a page names are free ones here."""

    def __init__(self, folder: Path, checkout: Path, named_ports: Iterable[int]) -> None:
        self.folder = checkout
        self._environment = folder / "environment"
        self._log = folder / "log"
        self._state = folder / "cwd"
        self._ports = {str(named): free_port() for named in named_ports}
        self._variables = {**_outside(), **_offline(), "UVICORN_PORT": str(self._ports["8000"])}
        self._variables["PATH"] = f"{self._environment / 'bin'}:{os.environ['PATH']}"
        self._server: subprocess.Popen[bytes] | None = None
        make_environment(self._environment)

    def follow(self, blocks: list[Block]) -> None:
        """Do what each block says, in order."""
        typed = " ".join(command.text for block in blocks for command in block.commands())
        for block in blocks:
            if block.language == "python":
                self._save(
                    block, runs=f"{Path(block.file).stem}:app" not in typed and block.file not in typed
                )
            elif block.language == "console":
                for command in block.commands():
                    self._type(command)
            elif block.language == "log":
                eventually(lambda text=block.text: re.search(pattern_of(text), self._log.read_text()))  # type: ignore[misc]

    def leave(self) -> None:
        """Stop the server that was started last."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait(PATIENCE)
            self._server = None

    def _save(self, block: Block, *, runs: bool) -> None:
        (self.folder / block.file).write_text(self._here(block.text))
        if runs:
            self._run(f"python -W error {block.file}")

    def _type(self, command: Command) -> None:
        if command.text.startswith("uvicorn "):
            self._serve(command.text)
        elif "/metrics" in command.text:
            # Reading changes nothing, and what is read may be under way: a thread that starts, a task after a response.
            eventually(lambda: command.printed(self._run(command.text, check=False)), command)
        else:
            output = self._run(command.text)
            assert command.printed(output), f"{command.text} printed:\n{output}"

    def _run(self, command: str, *, check: bool = True) -> str:
        done = subprocess.run(
            ["bash", "-c", f"{self._here(command)} && pwd > {self._state}"],  # noqa: S607  bash is bash
            cwd=self.folder,
            env=self._variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert done.returncode == 0 or not check, f"{command} failed:\n{done.stdout}{done.stderr}"
        self.folder = Path(self._state.read_text().strip())
        return done.stdout

    def _serve(self, command: str) -> None:
        self.leave()
        with self._log.open("wb") as log:
            self._server = subprocess.Popen(
                command.split(), cwd=self.folder, env=self._variables, stdout=log, stderr=log
            )
        eventually(lambda: accepts(self._ports["8000"]), command)

    def _here(self, text: str) -> str:
        for named, ours in self._ports.items():
            text = re.sub(rf"\b{named}\b", str(ours), text)
        return text


def make_environment(folder: Path) -> None:
    """A fresh one that borrows the installed dependencies; nothing of this checkout is in it."""
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    packages = sysconfig.get_path("purelib", vars={"base": str(folder)})
    (Path(packages) / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    (folder / "bin" / "uvicorn").write_text(_UVICORN.format(python=python))
    (folder / "bin" / "uvicorn").chmod(0o755)


def copy_checkout(root: Path, to: Path) -> None:
    """What building the package needs, where it may leave its traces."""
    for name in ("service", "observability", "dashboards", "docs"):
        shutil.copytree(root / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, to)


def _outside() -> dict[str, str]:
    """The variables of a shell that knows nothing of the tests."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COV", "PYTEST", "PYTHON", "VIRTUAL_ENV"))
    }


def _offline() -> dict[str, str]:
    """Let pip use what is installed, the build backend included."""
    # pip reads this one as the value of the negated option: 0 means no isolation.
    return {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"}


def accepts(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def eventually(condition: Callable[[], object], what: object = "it") -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} never came true"
        time.sleep(0.02)
