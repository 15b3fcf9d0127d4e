"""What all clients of the load share."""

import os
import random
import threading
from typing import Any, ClassVar

from locust import FastHttpUser
from locust.contrib.fasthttp import FastResponse
from locust.exception import StopUser

# The smallest sample catalogue that the load is meant for.
PRODUCTS, ITEMS = 50, 100
OPERATOR = "operator@example.com"
PASSWORD_VARIABLE = "SAMPLE_PASSWORD"  # noqa: S105  (the name of a variable)

OK, UNAUTHORISED = 200, 401

dice = random.Random()  # noqa: S311  (a load, not a secret)


def popular(end: int) -> int:
    """An id up to `end`: a few are asked for much more often than the others, as in life."""
    return min(end, int(dice.paretovariate(0.7)))


class Client(FastHttpUser):
    """Asks one route after the other, and knows which answers are right."""

    abstract = True
    connection_timeout = network_timeout = 30.0

    def ask(
        self, method: str, path: str, *, route: str = "", right: tuple[int, ...] = (200,), **request: Any
    ) -> FastResponse:
        """The answer. One of another status is a failure in locust's report, below `route`."""
        response: FastResponse
        with self.client.request(
            method, path, name=route or path, catch_response=True, **request
        ) as response:
            if response.status_code in right:
                response.success()
            else:
                response.failure(f"answered {response.status_code}")
        return response


class Operator(Client):
    """A client that may write: it has the password of the sample catalogue's operator, and all share one token."""

    abstract = True
    _token: ClassVar[str] = ""
    _one_at_a_time: ClassVar[threading.Lock] = threading.Lock()

    def on_start(self) -> None:
        """Log in, unless another has; leave if that cannot be."""
        with self._one_at_a_time:
            if not Operator._token:
                Operator._token = self._log_in()
        if not Operator._token:
            raise StopUser

    def write(self, method: str, path: str, **request: Any) -> FastResponse:
        """Ask with the token; with a new one, should it be too old."""
        token = Operator._token
        answer = self._with_token(token, method, path, **request)
        if answer.status_code != UNAUTHORISED:
            return answer
        with self._one_at_a_time:
            if Operator._token == token:
                Operator._token = self._log_in()
        return self._with_token(Operator._token, method, path, **request)

    def _with_token(
        self, token: str, method: str, path: str, *, headers: dict[str, str] | None = None, **request: Any
    ) -> FastResponse:
        return self.ask(
            method, path, headers={"Authorization": f"Bearer {token}", **(headers or {})}, **request
        )

    def _log_in(self) -> str:
        password = os.environ.get(PASSWORD_VARIABLE)
        if not password:
            return ""
        form = {"grant_type": "password", "username": OPERATOR, "password": password}
        answer = self.ask("POST", "/token", data=form)
        return str(answer.json()["access_token"]) if answer.status_code == OK else ""
