"""The fenced blocks of a page of the documentation."""

import re
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+) ?([\w.]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Command:
    """What is typed after a `$`, and what it prints, where `…` stands for anything."""

    text: str
    prints: str

    def printed(self, output: str) -> bool:
        return bool(re.fullmatch(pattern_of(self.prints), output.replace("\r\n", "\n").rstrip("\n")))


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its language, the file it is to be saved as, its text."""

    language: str
    file: str
    text: str

    def commands(self) -> list[Command]:
        _, *typed = re.split(r"^\$ ", self.text, flags=re.MULTILINE)
        return [Command(*(part.rstrip("\n") for part in each.partition("\n")[::2])) for each in typed]


def blocks_of(page: Path) -> list[Block]:
    return [Block(*match.groups()) for match in _BLOCK.finditer(page.read_text())]


def pattern_of(text: str) -> str:
    """A line of nothing but `…` is any lines; elsewhere it is the rest of a line or a part of it."""
    anything = re.escape("…")
    lines = (re.escape(line).replace(anything, "[^\n]*") for line in text.splitlines())
    return "\n".join(".*" if line == "[^\n]*" else line for line in lines).replace(".*", "(?s:.*)")


def table_under(page: Path, heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, cells without their backticks."""
    section = page.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in row] for row in rows[2:]]
