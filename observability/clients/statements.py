"""What a statement says of itself, for labels and spans; never a value that stands in it."""

import functools
import re

from observability.conventions import OTHER

# Possessive: many comments in front of no word would be tried in every combination.
_FIRST_WORD = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*+([A-Za-z]+)", re.DOTALL)
_NAME = r"((?:\"[^\"]+\"|[\w.])++)"
# What it reads; a name in front of a parenthesis is a function.
_TABLE = re.compile(rf"\bFROM\s+(?:ONLY\s+)?{_NAME}(?!\s*\()", re.IGNORECASE)
# What a statement changes, but for the clauses that sound like it.
_CHANGE = re.compile(
    rf"\b(?:(?:FOR|KEY|DO|ON)\s+UPDATE|(INSERT\s+INTO|MERGE\s+INTO|DELETE\s+FROM|UPDATE)\s+(?:ONLY\s+)?{_NAME})",
    re.IGNORECASE,
)
# The names of its subqueries (`WITH name (column) AS (...)`).
_SUBQUERY = re.compile(rf"{_NAME}(?:\s*\([^()]*\))?\s+AS\s+(?:(?:NOT\s+)?MATERIALIZED\s+)?\(", re.IGNORECASE)
# Names in quotes; comments; string constants of PostgreSQL in their four forms; numbers that are no part of a name, a
# type or a placeholder. What the end of the text cuts off counts, too.
_NOT_SQL = re.compile(
    r"""
    (?P<name> "[^"]*" )
    | (?P<comment> --[^\n]* | /\*.*?(?:\*/|\Z) )
    | [eE]'(?:[^'\\]|\\.|'')*(?:'|\Z) | '(?:[^']|'')*(?:'|\Z) | \$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z)
    | (?<![\w$.:%])\d+(?:\.\d+)?\b
    """,
    re.DOTALL | re.VERBOSE,
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
    """First word of a statement in capitals, `_OTHER` when it is no SQL verb; for `WITH`, what the whole of it does."""
    match = _FIRST_WORD.match(statement)
    word = match[1].upper() if match else OTHER
    if word == "WITH":
        change = _change_in(without_values(statement))
        return change[1].split()[0].upper() if change else "SELECT"
    return word if word in _OPERATIONS else OTHER


def table_of(statement: str) -> str:
    """The table that a statement changes, or else the first one that it reads, or nothing."""
    bare = without_values(statement)
    change = _change_in(bare)
    if change:
        return _unquoted(change[2])
    subqueries = {match[1] for match in _SUBQUERY.finditer(bare)}
    tables = (match[1] for match in _TABLE.finditer(bare))
    return _unquoted(next((table for table in tables if table not in subqueries), ""))


def _change_in(bare: str) -> re.Match[str] | None:
    return next((match for match in _CHANGE.finditer(bare) if match[1]), None)


def _unquoted(name: str) -> str:
    return name.replace('"', "")


def without_values(statement: str) -> str:
    """The statement with its placeholders, and with one for every constant in it; without its comments."""
    return _NOT_SQL.sub(_shown, statement[:_LONGEST])


def _shown(match: re.Match[str]) -> str:
    if match["name"]:
        return match[0]
    return "" if match["comment"] else "?"
