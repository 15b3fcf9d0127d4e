from collections.abc import Iterator

import pytest

from tests.stack.boards.life import Lived, a_life
from tests.stack.conftest import program

SECONDS, USERS = 30, 8
# A crowd that a loaded machine can bear must be enough to empty the pool.
IMPATIENT = {"POOL_TIMEOUT": "0.2"}


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    program("prometheus")
    folder = tmp_path_factory.mktemp("live")
    folder.chmod(0o755)  # PostgreSQL runs as another user when the tests run as root
    with a_life(folder, seconds=SECONDS, users=USERS, settings=IMPATIENT) as life:
        yield life
