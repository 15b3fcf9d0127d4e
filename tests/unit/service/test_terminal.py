import subprocess
import sys

import pytest

from service.terminal import show_progress

TALK = "from service.terminal import say, show_progress; say('one'); say('two'); show_progress('items', 3, 3)"


def test_progress_in_a_log_is_one_line_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    for done in range(1, 1001):
        show_progress("products", done, 1000)
    assert capsys.readouterr().out == "Loading products: 1,000\n"


def test_progress_in_a_terminal_is_one_line_that_moves(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    show_progress("products", 1, 2)
    show_progress("products", 2, 2)
    assert capsys.readouterr().out == ("\r\x1b[KLoading products: 1 of 2\r\x1b[KLoading products: 2 of 2\n")


@pytest.mark.parametrize(
    "redirection",
    [
        "| true",  # a reader that leaves
        ">&-",  # no output at all
    ],
)
def test_nobody_listening_is_no_error(redirection: str) -> None:
    command = f'{{ sleep 0; "$0" -c "$1"; echo "status $?" >&2; }} {redirection}'
    done = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable, TALK], stderr=subprocess.PIPE, text=True, check=False
    )
    assert done.stderr == "status 0\n"
