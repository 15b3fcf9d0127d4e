import subprocess
import sys
from pathlib import Path

import pytest

from service.infra.embedded.folder import DataFolder, claim
from service.infra.start import StartupError

CLAIM = "import sys; from pathlib import Path; from service.infra.embedded.folder import DataFolder; DataFolder(Path(sys.argv[1]))"


def test_a_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    assert len(folder.secret("token")) >= 32
    assert folder.secret("token") == folder.secret("token") != folder.secret("other")


def test_a_secret_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    DataFolder(tmp_path).secret("token")
    assert (tmp_path / "token.secret").stat().st_mode & 0o777 == 0o600


def test_a_secret_that_was_being_made_when_the_process_died_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "token.unfinished").write_text("half")
    assert len(DataFolder(tmp_path).secret("token")) >= 32


def test_a_claimed_folder_is_refused_even_when_nobody_holds_the_object(tmp_path: Path) -> None:
    DataFolder(tmp_path)
    with pytest.raises(StartupError, match="in use by another instance"):
        claim(tmp_path, shown=tmp_path)


def test_a_folder_is_free_again_after_the_process_that_claimed_it(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", CLAIM, str(tmp_path)], check=True)
    DataFolder(tmp_path)


def test_a_folder_that_cannot_be_made_is_named_as_it_was_given(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match=r"Cannot write to .*/file/data \(Not a directory\)"):
        DataFolder(tmp_path / "file" / "data")
