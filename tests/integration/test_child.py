"""Children with real processes."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from service.infra.embedded.child import Child, run_to_end
from service.infra.start import StartupError
from tests.instances import end_of, eventually

STUBBORN = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
FORKING = (
    "import signal, subprocess; subprocess.Popen(['sleep', '600']); print('up', flush=True); signal.pause()"
)
FAILING = "import sys; print('LOG: begins'); print('FATAL: no room'); sys.exit('LOG: ends')"
PARENT = """
import sys
from pathlib import Path
from service.infra.embedded.child import Child, run_to_end
Child("Sleep", pid_file=Path(sys.argv[1])).spawn(["sleep", "600"])
print(Path(sys.argv[1]).read_text(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def make_child(tmp_path: Path) -> Iterator[Callable[..., Child]]:
    made: list[Child] = []

    def make(*, grace: float = 10.0) -> Child:
        made.append(Child("It", pid_file=tmp_path / "it.pid", log=tmp_path / "it.log", grace=grace))
        return made[-1]

    yield make
    for child in made:
        child.kill()


def test_a_child_that_ignores_the_stop_signal_is_killed_after_its_grace(
    make_child: Callable[..., Child], tmp_path: Path
) -> None:
    child = make_child(grace=0.01)
    child.spawn([sys.executable, "-c", STUBBORN])
    eventually("it runs", (tmp_path / "it.log").read_text)
    child.stop()
    assert not child.is_running


def test_killing_a_child_ends_what_it_has_started(make_child: Callable[..., Child], tmp_path: Path) -> None:
    child = make_child()
    child.spawn([sys.executable, "-c", FORKING])
    eventually("it runs", (tmp_path / "it.log").read_text)
    family = psutil.Process(child.pid).children()
    assert len(family) == 1
    child.kill()
    eventually("all have ended", lambda: end_of(family))


def test_what_was_fatal_is_said_and_nothing_of_an_earlier_run(make_child: Callable[..., Child]) -> None:
    child = make_child()
    child.spawn([sys.executable, "-c", FAILING])
    with pytest.raises(StartupError, match=r"It ended while starting: FATAL: no room \(see .*it\.log\)"):
        child.wait_until(lambda: False, seconds=60)
    child.spawn(["true"])
    with pytest.raises(StartupError, match="It ended while starting: it said nothing"):
        child.wait_until(lambda: False, seconds=60)


def test_a_child_that_is_never_ready_is_an_error(make_child: Callable[..., Child]) -> None:
    child = make_child()
    child.spawn(["sleep", "600"])
    with pytest.raises(StartupError, match="It was not ready after 0 s"):
        child.wait_until(lambda: False, seconds=0.01)


def test_a_program_that_cannot_be_started_is_named(make_child: Callable[..., Child], tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(StartupError, match=f"No such file or directory: {missing}"):
        make_child().spawn([str(missing)])


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux ends a process with its parent")
def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "it.pid")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        parent.stdout.readline()
        family = psutil.Process(parent.pid).children()
        assert len(family) == 1
        parent.kill()
    eventually("it has ended", lambda: end_of(family))


def test_a_child_of_somebody_without_an_output_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", None)
    child = Child("It", pid_file=tmp_path / "it.pid")
    child.spawn(
        [
            sys.executable,
            "-c",
            "import os, sys; sys.exit(not os.path.samestat(os.fstat(1), os.stat(os.devnull)))",
        ]
    )
    eventually("it has ended", lambda: not child.is_running)
    assert child._process
    assert child._process.returncode == 0


def test_what_an_earlier_supervisor_left_is_ended(make_child: Callable[..., Child]) -> None:
    left = make_child()
    left.spawn(["sleep", "600"])
    make_child().stop_leftover()
    assert not left.is_running


def test_what_an_earlier_supervisor_left_is_killed_when_it_is_stubborn(
    make_child: Callable[..., Child], tmp_path: Path
) -> None:
    left = make_child()
    left.spawn([sys.executable, "-c", STUBBORN])
    eventually("it runs", (tmp_path / "it.log").read_text)
    make_child(grace=0.01).stop_leftover()
    assert not left.is_running


def test_the_servers_of_a_copied_folder_are_left_alone(
    make_child: Callable[..., Child], tmp_path: Path
) -> None:
    original = make_child()
    original.spawn(["sleep", "600"])
    (tmp_path / "copy.pid").write_text((tmp_path / "it.pid").read_text())
    Child("Copy", pid_file=tmp_path / "copy.pid").stop_leftover()
    assert original.is_running


def test_a_process_that_got_the_number_of_an_earlier_one_is_left_alone(
    make_child: Callable[..., Child], tmp_path: Path
) -> None:
    stranger = make_child()
    stranger.spawn(["sleep", "600"])
    last = json.loads((tmp_path / "it.pid").read_text())
    (tmp_path / "it.pid").write_text(json.dumps(last | {"began": last["began"] - 60}))
    make_child().stop_leftover()
    assert stranger.is_running


@pytest.mark.parametrize("content", ["", "{", '{"pid": 999999999, "began": 0, "path": ""}'])
def test_a_file_that_names_nobody_is_no_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "it.pid").write_text(content)
    Child("It", pid_file=tmp_path / "it.pid").stop_leftover()


def test_what_runs_to_its_end_is_killed_with_all_it_started_when_we_are_interrupted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    family: list[psutil.Process] = []

    def interrupt(process: "subprocess.Popen[bytes]") -> None:
        assert process.stderr
        process.stderr.readline()
        family.extend([psutil.Process(process.pid), *psutil.Process(process.pid).children()])
        raise KeyboardInterrupt

    monkeypatch.setattr("subprocess.Popen.communicate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_to_end(["/bin/sh", "-c", "sleep 600 & echo up >&2; wait"], identity=None)
    assert len(family) == 2
    eventually("all have ended", lambda: end_of(family))


def test_what_ran_to_its_end_is_reported() -> None:
    assert run_to_end(["/bin/sh", "-c", "echo no room >&2; exit 3"], identity=None) == (3, "no room\n")
