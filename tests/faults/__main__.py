"""python -m tests.faults: hurt a service in many ways, and prove what it promises."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import uvloop

from tests.faults.figures import Figures, causes, complaint, figures, heading, line, told, total
from tests.faults.house import open_house
from tests.faults.play import play, subscribe
from tests.faults.schedule import schedule

SEEDS = 24


def main() -> None:
    seeds = _chosen(sys.argv[1:])
    folder = Path(tempfile.mkdtemp(prefix="glasshouse-faults-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user when this runs as root
    try:
        is_well = uvloop.run(_run(folder, seeds))
    except KeyboardInterrupt:
        sys.exit(f"Interrupted. What the processes logged is in {folder}")
    if not is_well:
        sys.exit(f"What the processes logged is in {folder}")
    shutil.rmtree(folder)


def _chosen(arguments: Sequence[str]) -> list[int]:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, action="append", help="this one alone; may be repeated")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="so many, from 1 (default: %(default)s)")
    chosen = parser.parse_args(arguments)
    return chosen.seed or list(range(1, chosen.seeds + 1))


async def _run(folder: Path, seeds: Sequence[int]) -> bool:
    began_at, found, complaints = perf_counter(), list[Figures](), list[str]()
    async with open_house(folder) as house:
        await subscribe(house)
        _say(heading())
        for seed in seeds:
            if len(seeds) == 1:
                _say(*told(schedule(seed)))
            outcome = await play(house, seed)
            found.append(figures(seed, outcome))
            complaints += filter(None, [complaint(seed, outcome)])
            _say(line(found[-1]))
    whole = total(found)
    _say(line(whole), "", "5xx by what was said, and who was hurt:", *causes(whole), "")
    _say(
        *complaints,
        f"{len(seeds)} seeds in {perf_counter() - began_at:.0f} s; {len(complaints)} broke a promise.",
    )
    return not complaints


def _say(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
