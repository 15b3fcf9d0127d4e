"""python -m tests.soak: load for half an hour, with churn, and nothing may grow."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import uvloop

from tests.soak.report import drawn, minute, summary, table
from tests.soak.soak import Run, soak
from tests.soak.verdict import complaints, trends

MINUTES = 30.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="so long (default: %(default)g)")
    parser.add_argument("--picture", type=Path, help="draw all figures into this SVG")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="glasshouse-soak-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user when this runs as root
    try:
        run = uvloop.run(soak(folder, seconds=60 * chosen.minutes, told=lambda run: _say(minute(run))))
    except KeyboardInterrupt:
        sys.exit(f"Interrupted. What the processes logged is in {folder}")
    if chosen.picture:
        chosen.picture.write_text(drawn(run.samples, run.seconds))
    if not _is_well(run):
        sys.exit(f"What the processes logged is in {folder}")
    shutil.rmtree(folder)


def _is_well(run: Run) -> bool:
    found = trends(run.samples, run.seconds)
    _say("", *table(found), "", *summary(run), "")
    wrong = [*complaints(found), *(f"The {name} has ended" for name in run.missing)]
    _say(
        *wrong,
        "Nothing grew." if not wrong else f"{len(wrong)} of {len(found)} figures are not as they should be.",
    )
    return not wrong


def _say(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
