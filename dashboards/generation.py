"""Everything that is written from `slo.yaml`: where it goes, and whether what is there is what would be written."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from dashboards.boards.files import generate as generate_boards
from dashboards.slo.files import generate as generate_slo
from dashboards.slo.files import service_module
from dashboards.slo.objectives import load

ROOT = Path(__file__).parents[1]
GENERATED = Path("dashboards/generated")
SERVICE_MODULE = Path("service/objectives.py")

GENERATORS = (generate_slo, generate_boards)


def generate() -> dict[Path, str]:
    """The text of each file, by its path from the root of the repository."""
    files = {SERVICE_MODULE: service_module(load())}
    for generator in GENERATORS:
        files |= {GENERATED / path: text for path, text in generator().items()}
    return files


def write(root: Path, files: Mapping[Path, str]) -> list[Path]:
    """Make the folder hold these files and no others; return what changed."""
    changed = list(differences(root, files))
    for path in changed:
        target = root / path
        if path in files:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(files[path])
        else:
            target.unlink()
    return changed


def differences(root: Path, files: Mapping[Path, str]) -> Iterator[Path]:
    """Files that are missing, are not what would be written, or that nobody would write."""
    for path, text in sorted(files.items()):
        if not (root / path).is_file() or (root / path).read_text() != text:
            yield path
    there = (path.relative_to(root) for path in (root / GENERATED).rglob("*") if path.is_file())
    yield from sorted(set(there) - set(files))
