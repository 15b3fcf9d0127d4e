"""The lock file is what a new machine installs."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ASKED = [
    *PROJECT["dependencies"],
    *(name for extra in PROJECT["optional-dependencies"].values() for name in extra),
]
LOCK = (ROOT / "requirements.lock").read_text()
LOCKED = {
    name: version.split()[0]
    for name, _, version in (line.partition("==") for line in LOCK.splitlines() if line[:1].isalnum())
}


@pytest.mark.parametrize("asked", ASKED)
def test_the_lock_has_what_the_project_asks_for(asked: str) -> None:
    requirement = Requirement(asked)
    assert requirement.name in LOCKED, "run `make lock`"
    assert requirement.specifier.contains(LOCKED[requirement.name], prereleases=True), "run `make lock`"


def test_the_lock_names_no_package_index() -> None:
    assert "://" not in LOCK
