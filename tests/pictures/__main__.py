"""python -m tests.pictures: draw the boards from the data of a real run."""

import tempfile
from pathlib import Path

from dashboards.boards.links import TITLES
from dashboards.links import uid
from tests.boards import AS_OPENED, Panel, boards, filled_in
from tests.instances import ROOT
from tests.pictures.board import drawn
from tests.pictures.panel import STEP_SECONDS, Answer
from tests.stack.boards.life import a_life
from tests.stack.boards.prometheus import Prometheus

PICTURES = ROOT / "docs" / "pictures"
SECONDS, USERS = 120, 8
# As in the tests: a small crowd is enough to empty the pool.
IMPATIENT = {"POOL_TIMEOUT": "0.2"}
SPANS = {"__rate_interval": "10s", "__range": "3m"}
# What there are only containers for.
LEFT_OUT = ("PostgreSQL about itself", "Redis about itself", "Streams and WebSockets")


def answers(prometheus: Prometheus, panel: Panel) -> list[Answer]:
    """What Prometheus says to each query of the panel."""
    found = []
    for target in panel["targets"]:
        expr = filled_in(target["expr"], AS_OPENED, SPANS)
        series = prometheus.instant(expr) if target["instant"] else prometheus.range(expr, step=STEP_SECONDS)
        found += [
            Answer(
                target["refId"], target["legendFormat"], each["metric"], each.get("values") or [each["value"]]
            )
            for each in series
        ]
    return found


def main() -> None:
    """Write a picture of each board."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user when this runs as root
        with a_life(folder, seconds=SECONDS, users=USERS, settings=IMPATIENT) as life:
            span = (life.prometheus.began, life.prometheus.ended)
            for board in TITLES:
                picture = drawn(
                    boards()[uid(board)], LEFT_OUT, lambda panel: answers(life.prometheus, panel), span
                )
                (PICTURES / f"{board}.svg").write_text(picture)
                print(f"Wrote docs/pictures/{board}.svg")  # noqa: T201


if __name__ == "__main__":
    main()
