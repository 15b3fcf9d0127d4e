"""What a statement says of itself, for labels and spans; never a value that stands in it."""

import functools
import re

from observability.conventions import OTHER

_FIRST_WORD = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*([A-Za-z]+)", re.DOTALL)
_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+((?:\"[^\"]+\"|[\w.])+)", re.IGNORECASE)
# String constants of PostgreSQL in their four forms, and numbers that are no part of a name, a type or a placeholder.
_LITERAL = re.compile(
    r"""[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$|(?<![\w$.:%])\d+(?:\.\d+)?\b""", re.DOTALL
)
_LONGEST = 4_096
_OPERATIONS = frozenset(
    [
        "ALTER",
        "ANALYZE",
        "BEGIN",
        "CALL",
        "CLOSE",
        "COMMENT",
        "COMMIT",
        "COPY",
        "CREATE",
        "DEALLOCATE",
        "DECLARE",
        "DELETE",
        "DISCARD",
        "DO",
        "DROP",
        "EXECUTE",
        "EXPLAIN",
        "FETCH",
        "GRANT",
        "INSERT",
        "LISTEN",
        "LOCK",
        "MERGE",
        "NOTIFY",
        "PRAGMA",
        "PREPARE",
        "REFRESH",
        "REINDEX",
        "RELEASE",
        "REPLACE",
        "RESET",
        "REVOKE",
        "ROLLBACK",
        "SAVEPOINT",
        "SELECT",
        "SET",
        "SHOW",
        "START",
        "TABLE",
        "TRUNCATE",
        "UNLISTEN",
        "UPDATE",
        "USE",
        "VACUUM",
        "VALUES",
        "WITH",
    ],
)


@functools.lru_cache(maxsize=1_024)
def operation_of(statement: str) -> str:
    """First word of a statement in capitals, `_OTHER` when it is no SQL verb."""
    match = _FIRST_WORD.match(statement)
    word = match[1].upper() if match else OTHER
    return word if word in _OPERATIONS else OTHER


def table_of(statement: str) -> str:
    """The first table that a statement names, or nothing."""
    match = _TABLE.search(statement)
    return match[1].replace('"', "") if match else ""


def without_values(statement: str) -> str:
    """The statement with its placeholders, and with one for every constant in it."""
    return _LITERAL.sub("?", statement[:_LONGEST])
