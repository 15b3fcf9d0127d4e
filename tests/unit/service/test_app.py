import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.routing import compile_path

import service.app
from service.app import create_app
from service.settings import Settings

SETTINGS = Settings(
    database_url="postgresql://nobody@nowhere/none",
    redis_url="redis://nowhere",
    token_secret="9f8e7d6c5b4a39281706f5e4d3c2b1a0",
)


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return create_app(SETTINGS)


def test_an_application_needs_settings_and_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("opened a socket")

    monkeypatch.setattr("socket.socket.__init__", refuse)
    assert isinstance(create_app(SETTINGS), FastAPI)


def test_two_applications_share_nothing(app: FastAPI) -> None:
    other = create_app(SETTINGS)
    assert other.state.telemetry.registry is not app.state.telemetry.registry
    assert other.state.items is not app.state.items


def test_the_application_is_made_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@nowhere/none")
    monkeypatch.setenv("REDIS_URL", "redis://nowhere")
    monkeypatch.setenv("TOKEN_SECRET", "9f8e7d6c5b4a39281706f5e4d3c2b1a0")
    assert isinstance(service.app.app, FastAPI)
    assert "app" not in vars(service.app)


def test_the_module_has_no_other_surprises() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'application'"):
        _ = service.app.application


def test_importing_the_module_takes_no_settings_and_starts_nothing() -> None:
    code = "import threading, service.app; print(threading.active_count())"
    done = subprocess.run([sys.executable, "-c", code], env={}, check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_latency_objectives_are_told_to_telemetry(app: FastAPI) -> None:
    assert app.state.telemetry.settings.latency_thresholds == (0.05, 0.25)


def layers(app: FastAPI) -> Iterator[str]:
    layer: Any = app.build_middleware_stack()
    while layer is not app.router:
        yield type(layer).__name__
        layer = layer.app


def test_requests_pass_the_clock_then_the_safety_net_then_the_limits_then_the_error_handlers(
    app: FastAPI,
) -> None:
    order = [
        "RequestMiddleware",
        "ServerErrorMiddleware",
        "BodyLimit",
        "Admission",
        "Head",
        "ExceptionMiddleware",
    ]
    passed = list(layers(app))
    assert passed[0] == order[0]
    assert [name for name in passed if name in order] == order


def operations(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Methods and paths in the order in which they are tried."""
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            yield method, path


def test_the_busiest_routes_are_tried_first(app: FastAPI) -> None:
    tried = list(dict.fromkeys(path.split("/")[1] for _, path in operations(app)))
    assert tried == ["items", "products", "register", "token", "me", "webhooks", "healthz", "readyz"]
    assert [path for _, path in operations(app)][:2] == ["/items/{item_id}", "/items"]


def test_no_route_hides_another(app: FastAPI) -> None:
    for method, path in operations(app):
        request = path.format(product_id=1, item_id=1, size=128, webhook_id=1, delivery_id=1)
        first = next(
            template
            for each, template in operations(app)
            if each == method and compile_path(template)[0].match(request)
        )
        assert first == path


def test_every_operation_is_explained(app: FastAPI) -> None:
    for methods in app.openapi()["paths"].values():
        for operation in methods.values():
            assert operation["summary"]
            assert operation["description"]
            assert operation["tags"]
            names = [parameter["name"] for parameter in operation.get("parameters", [])]
            assert len(names) == len(set(names))


def expected_failures(path: str, operation: Mapping[str, Any]) -> set[str]:
    scopes = [scope for each in operation.get("security", []) for scopes in each.values() for scope in scopes]
    reasons = {
        "401": "security" in operation or path == "/token",
        "403": scopes,
        "404": "{" in path,
        "422": "parameters" in operation or "requestBody" in operation,
        "503": path != "/healthz",
    }
    return {status for status, reason in reasons.items() if reason}


def test_every_failure_that_can_be_expected_is_documented(app: FastAPI) -> None:
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            missing = expected_failures(path, operation) - operation["responses"].keys()
            assert not missing, (method, path)


def test_every_failure_is_documented_as_a_problem(app: FastAPI) -> None:
    document = app.openapi()
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for operation in methods.values():
            failures = {
                status: response
                for status, response in operation["responses"].items()
                if not status.startswith(("2", "3")) and path != "/readyz"
            }
            for response in failures.values():
                problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
                assert response["content"] == {"application/problem+json": problem}


def test_every_answer_is_documented_with_the_headers_that_all_have(app: FastAPI) -> None:
    for methods in app.openapi()["paths"].values():
        for operation in methods.values():
            for response in operation["responses"].values():
                assert {"X-Process-Time", "Server-Timing", "X-Trace-Id"} <= response["headers"].keys()


def test_the_password_grant_is_documented_with_every_scope(app: FastAPI) -> None:
    (scheme,) = app.openapi()["components"]["securitySchemes"].values()
    assert scheme["flows"]["password"]["tokenUrl"] == "token"
    assert set(scheme["flows"]["password"]["scopes"]) == {
        "catalogue:write",
        "stock:write",
        "webhooks:manage",
    }
