from typing import Any

from httpx2 import Response


def problem(answer: Response, status: int, *places: str) -> dict[str, Any]:
    """The problem document of an answer, which names exactly these places (`body.price`)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert document["trace_id"] == answer.headers["x-trace-id"]
    assert {".".join(map(str, error["location"])) for error in document.get("errors", [])} == set(places)
    return document
