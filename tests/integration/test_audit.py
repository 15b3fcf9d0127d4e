"""`make audit`, of a service on this machine that knows weaknesses as osv.dev does."""

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
UV = ROOT / ".venv" / "bin" / "uv"
# Name, version, and for which systems and Pythons, where it is not for all.
LOCKED = {
    (name.lower(), version, condition)
    for name, version, condition in re.findall(
        r"^(\S+)==(\S+)( ;.*)?", (ROOT / "requirements.lock").read_text(), re.MULTILINE
    )
}
FASTAPI = next(version for name, version, _ in LOCKED if name == "fastapi")
SECONDS = 300.0


@dataclass
class Advisories:
    """What is known of which package, and of which versions it was asked."""

    weak: str = ""
    asked: set[tuple[str, str]] = field(default_factory=set)
    url: str = ""

    def answer(self, name: str, version: str) -> dict[str, object]:
        self.asked.add((name, version))
        if name != self.weak:
            return {}
        affected = {
            "package": {"name": name, "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "999.1"}]}],
        }
        return {"vulns": [{"id": "TEST-2026-1", "summary": "It opens every door.", "affected": [affected]}]}


@pytest.fixture
def advisories() -> Iterator[Advisories]:
    advisories = Advisories()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["content-length"])))
            answer = json.dumps(advisories.answer(question["package"]["name"], question["version"])).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        advisories.url = f"http://127.0.0.1:{server.server_port}/v1/query"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield advisories
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def auditor() -> list[str]:
    """The command of the Makefile."""
    (version,) = re.findall(r"^AUDIT_VERSION := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    tool, package = [str(UV), "tool", "run", "--quiet"], f"pip-audit=={version}"
    if not UV.exists() or _run([*tool, "--from", package, "python", "-c", ""]).returncode:
        pytest.skip("pip-audit can not be had from here")
    return [*tool, package]


def audit(auditor: list[str], url: str) -> "subprocess.CompletedProcess[str]":
    asking = {"PIP_AUDIT_VULNERABILITY_SERVICE": "osv", "PIP_AUDIT_OSV_URL": url}
    return _run(["sh", "tests/audit.sh", *auditor], **asking)


def _run(command: list[str], **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


def test_dependencies_without_a_known_weakness_pass(auditor: list[str], advisories: Advisories) -> None:
    done = audit(auditor, advisories.url)
    assert (done.stdout, done.returncode) == ("No known weakness in the locked dependencies\n", 0)
    assert advisories.asked <= {(name, version) for name, version, _ in LOCKED}
    assert advisories.asked >= {(name, version) for name, version, condition in LOCKED if not condition}


def test_a_known_weakness_is_told_with_the_version_that_mends_it(
    auditor: list[str], advisories: Advisories
) -> None:
    advisories.weak = "fastapi"
    done = audit(auditor, advisories.url)
    assert done.returncode == 1
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("fastapi "))
    assert line.split()[:4] == ["fastapi", FASTAPI, "TEST-2026-1", "999.1"]


def test_an_auditor_that_cannot_tell_is_quoted() -> None:
    done = _run(["sh", "tests/audit.sh", "sh", "-c", "echo first >&2; echo 'Nobody answers' >&2; exit 1"])
    assert (done.stdout, done.returncode) == ("", 2)
    assert done.stderr == "The dependencies were not audited: Nobody answers\n"
