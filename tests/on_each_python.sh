#!/bin/sh
# Runs the unit tests on each of the given Python versions that is installed here (on PATH or under pyenv).
# Usage: UV=path/to/uv sh tests/on_each_python.sh 3.11 3.12 ...
set -eu

find_python() {
    for candidate in "python$1" "${PYENV_ROOT:-${HOME:-}/.pyenv}/versions/$1".*/bin/python; do
        if "$candidate" -c '' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
}

for version in "$@"; do
    python=$(find_python "$version")
    if [ -z "$python" ]; then
        echo "Python $version is not installed here: its unit tests were not run."
        continue
    fi
    venv=".venv-$version"
    if [ ! "$venv/.installed" -nt requirements.lock ]; then
        "$UV" venv --quiet --clear --python "$python" "$venv"
        "$UV" pip install --quiet --python "$venv/bin/python" --require-hashes -r requirements.lock
        touch "$venv/.installed"
    fi
    echo "Unit tests on Python $version"
    "$venv/bin/python" -m pytest tests/unit --quiet --no-header -p no:cacheprovider
done
