"""From a stack to the function that is to blame."""

import json
import sys
import sysconfig
import threading
from collections.abc import Callable

import fastapi
import pytest

from observability.runtime.culprits import Place, Stack, callback_stack, culprit_of, stack_of

FASTAPI = Place("fastapi.routing", "serialize_response", str(fastapi.__file__), 1)
JSON = Place("json.encoder", "JSONEncoder.encode", str(json.__file__), 1)
ROUTE = Place("shop.routes", "Basket.pay", "/srv/shop/routes.py", 7)
PRICES = Place("shop.prices", "total", "/srv/shop/prices.py", 7)
OWN = Place(
    "observability.asgi.middleware", "RequestMiddleware._serve", "/srv/observability/asgi/middleware.py", 1
)
DEBIAN = Place("redis.client", "send", "/usr/lib/python3/dist-packages/redis/client.py", 1)
GENERATED = Place("attr", "__init__", "<attrs generated init shop.Basket>", 1)


@pytest.mark.parametrize(
    ("stack", "culprit"),
    [
        ([PRICES, ROUTE, FASTAPI], "shop.prices:total"),
        ([JSON, FASTAPI, ROUTE, OWN], "shop.routes:Basket.pay"),
        ([GENERATED, DEBIAN, ROUTE], "shop.routes:Basket.pay"),
        ([JSON, FASTAPI, OWN], "fastapi.routing:serialize_response"),
        ([JSON, OWN], "observability.asgi.middleware:RequestMiddleware._serve"),
        ([JSON, GENERATED], "json.encoder:JSONEncoder.encode"),
    ],
    ids=["innermost", "below libraries", "below system packages", "a library", "ourselves", "stdlib alone"],
)
def test_the_innermost_function_of_the_application_is_to_blame(stack: Stack, culprit: str) -> None:
    assert culprit_of(stack) == culprit


def test_what_is_installed_below_the_standard_library_is_no_part_of_it() -> None:
    installed = Place("numpy", "dot", f"{sysconfig.get_path('stdlib')}/site-packages/numpy.py", 1)
    assert culprit_of([JSON, installed]) == "numpy:dot"


def call(callback: Callable[[], Stack]) -> Stack:
    return callback()


def test_the_stack_ends_where_the_loop_begins() -> None:
    def inner() -> Stack:
        return callback_stack(sys._getframe(), call.__code__)

    def outer() -> Stack:
        return inner()

    stack = call(outer)
    name = "test_the_stack_ends_where_the_loop_begins.<locals>"
    assert [place.function for place in stack] == [f"{name}.inner", f"{name}.outer"]
    assert stack[0].module == __name__
    assert str(stack[0]).startswith(f"{__file__}:")


def test_there_is_no_stack_while_no_callback_runs() -> None:
    assert callback_stack(sys._getframe(), call.__code__) == []


def test_there_is_no_stack_of_a_thread_that_is_gone() -> None:
    assert stack_of(0, call.__code__) == []


def test_another_thread_can_be_seen() -> None:
    busy, release = threading.Event(), threading.Event()

    def work() -> Stack:
        busy.set()
        release.wait()
        return []

    thread = threading.Thread(target=call, args=(work,))
    thread.start()
    busy.wait()
    stack = stack_of(thread.ident or 0, call.__code__)
    release.set()
    thread.join()
    assert stack[-1].function.endswith("work")
