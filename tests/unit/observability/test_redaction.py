"""What reads `[redacted]`."""

from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from observability.clients.statements import operation_of, table_of, without_values
from observability.redaction import redacted, redacted_query, redacted_text


class Unspeakable:
    def __repr__(self) -> str:
        raise ValueError


@dataclass
class Login:
    name: str
    password: str


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("password", "x", "[redacted]"),
        ("access_token", b"x", "[redacted]"),
        ("tokens", 3, 3),
        ("url", "redis://:x@cache/0", "redis://[redacted]@cache/0"),
        ("header", "Bearer abc.def", "Bearer [redacted]"),
        ("header", "Basic YWRh", "Basic [redacted]"),
        ("nested", {"cookie": "x", "kind": "oat"}, {"cookie": "[redacted]", "kind": "oat"}),
        ("rows", ({"secret": "x"}, 1), [{"secret": "[redacted]"}, 1]),
        ("kind", {1, 2}, "{1, 2}"),
        ("bytes", b"redis://:x@cache/0", "redis://[redacted]@cache/0"),
        ("error", OSError("no redis://:x@cache"), "OSError('no redis://[redacted]@cache')"),
        ("login", Login("ada", "x"), "Login(name='ada', password=[redacted])"),
        ("headers", [(b"cookie", b"x"), (b"accept", b"*/*")], [["cookie", "[redacted]"], ["accept", "*/*"]]),
        ("headers", {b"cookie": b"x", 1: 2, ("a",): "b"}, {"cookie": "[redacted]", "1": 2, "('a',)": "b"}),
    ],
)
def test_secrets_are_known_by_name_and_by_form(name: str, value: Any, shown: Any) -> None:
    assert redacted(name, value) == shown


def test_what_is_nested_without_end_ends() -> None:
    deep: list[Any] = ["x"]
    deep.append(deep)
    assert redacted("deep", deep) == ["x", ["x", ["x", ["x", ["x", ["x", "[...]"]]]]]]


def test_what_cannot_be_put_into_words_is_named() -> None:
    assert "Unspeakable object at" in redacted("thing", Unspeakable())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://x@shop/", "https://[redacted]@shop/"),
        ("https://shop/?mail=ada@shop", "https://shop/?mail=ada@shop"),
        ("https://shop?mail=ada@shop", "https://shop?mail=ada@shop"),
        ('"GET /a?access_token=x&page=2 HTTP/1.1"', '"GET /a?access_token=[redacted]&page=2 HTTP/1.1"'),
        ("https://shop/?page=2&token=x#top", "https://shop/?page=2&token=[redacted]#top"),
        ("https://shop/#id_token=x", "https://shop/#id_token=[redacted]"),
        ("""connect(user="ada", password="x")""", """connect(user="ada", password=[redacted])"""),
        ("token = next(tokens)", "token = next(tokens)"),
    ],
)
def test_secrets_are_known_by_their_form_in_any_text(text: str, shown: str) -> None:
    assert redacted_text(text) == shown


def test_an_error_of_the_database_tells_no_parameters() -> None:
    error = IntegrityError("INSERT INTO users VALUES (?, ?)", ("ada@[shop]", "it\nis"), ValueError("taken"))
    assert redacted_text(str(error)).splitlines()[:3] == [
        "(builtins.ValueError) taken",
        "[SQL: INSERT INTO users VALUES (?, ?)]",
        "[parameters: [redacted]]",
    ]
    assert "ada@" not in redacted("reason", error)


@pytest.mark.parametrize("piece", ["://", "://a:", "?a=", "a='", "a-", "Bearer ", "[parameters: ", "]"])
def test_a_long_text_is_read_once(piece: str) -> None:
    # One that is read again from each of its letters takes an hour.
    assert redacted_text(piece * 100_000)


def test_a_query_keeps_what_is_no_secret() -> None:
    assert redacted_query("page=2&api_key=x&flag&=1") == "page=2&api_key=[redacted]&flag&=1"


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        ("SELECT 'it''s', E'a\\'b', 7, 1.5 FROM t1", "SELECT ?, ?, ?, ? FROM t1"),
        ("SELECT $1::VARCHAR, %s, :name2 LIMIT 10", "SELECT $1::VARCHAR, %s, :name2 LIMIT ?"),
        ("SELECT $tag$a 'quoted' 7$tag$, $$b$$", "SELECT ?, ?"),
        ("SELECT -- isn't\n/* 'a' 7 */'b', '--', 'c'", "SELECT \n?, ?, ?"),
        ('SELECT "it\'s", \'a\' FROM "--t"', 'SELECT "it\'s", ? FROM "--t"'),
        ("SELECT '" + "x" * 5_000, "SELECT ?"),
        ("SELECT $$" + "x" * 5_000, "SELECT ?"),
        ("SELECT /* " + "x" * 5_000, "SELECT "),
    ],
)
def test_a_statement_shows_no_values(statement: str, shown: str) -> None:
    assert without_values(statement) == shown


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ('INSERT INTO "public"."items" VALUES ($1)', "public.items"),
        ("UPDATE items SET x = 1", "items"),
        ("SELECT a FROM items JOIN b", "items"),
        ("SELECT 1", ""),
    ],
)
def test_the_first_table_names_the_span(statement: str, table: str) -> None:
    assert (table_of(statement), operation_of(statement)) == (table, statement.split(maxsplit=1)[0])


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        # As a queue adds jobs, takes them and writes down what became of them.
        (
            """
            WITH input AS MATERIALIZED (
                -- It isn't DELETE FROM nothing.
                SELECT * FROM UNNEST($1::int[]) WITH ORDINALITY AS t(priority, ord)
            ), inserted AS (
                INSERT INTO jobs AS job (priority) SELECT priority FROM input
                ON CONFLICT (key) DO UPDATE SET priority = 1 RETURNING id
            ), logged AS (INSERT INTO log (job_id) SELECT id FROM inserted)
            SELECT i.ord FROM inserted ins JOIN input i ON i.id = ins.id
            """,
            "INSERT jobs",
        ),
        (
            """
            WITH next AS (SELECT id FROM ONLY jobs FOR UPDATE SKIP LOCKED)
            UPDATE ONLY "jobs" SET status = 'picked' FROM next WHERE jobs.id = next.id
            """,
            "UPDATE jobs",
        ),
        ("WITH gone AS (DELETE FROM jobs RETURNING id) INSERT INTO log SELECT id FROM gone", "DELETE jobs"),
        ("WITH a AS (SELECT 1), b AS NOT MATERIALIZED (SELECT * FROM a) SELECT * FROM b", "SELECT "),
        ("WITH RECURSIVE n (i) AS (SELECT 1 UNION SELECT i FROM n) SELECT i FROM n", "SELECT "),
        ("WITH old AS (SELECT * FROM jobs) SELECT * FROM old", "SELECT jobs"),
        ("WITH s AS (VALUES (1)) MERGE INTO shop.items USING s ON true", "MERGE shop.items"),
        ("INSERT INTO items SELECT * FROM others", "INSERT items"),
        ("SELECT now() FROM generate_series($1, $2)", "SELECT "),
    ],
)
def test_what_a_statement_changes_names_the_span_wherever_it_stands(statement: str, name: str) -> None:
    assert f"{operation_of(statement)} {table_of(statement)}" == name
