"""Nobody makes us send a request where they cannot send one themselves."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from service.infra.outgoing.resolver import ScriptedResolver, SystemResolver
from service.webhooks.sender import Message, Sender
from service.webhooks.signing import new_secret
from tests.integration.webhooks.receiver import Receiver, endless, receiving, silence

PUBLIC = "1.1.1.1"
LOOPBACK = "127.0.0.1"
# A loopback address of its own, on which nobody listens.
DEAF = "127.0.0.2"


@asynccontextmanager
async def sending(
    *answers: Sequence[str], allow_private: bool = False, seconds: float = 60
) -> AsyncIterator[Sender]:
    """A sender for which receiver.example has these addresses, one after the other."""
    resolver = ScriptedResolver({"receiver.example": answers})
    sender = Sender(resolver, timeout=seconds, allow_private=allow_private)
    yield sender
    await sender.close()


def message(receiver: Receiver, *, scheme: str = "http", host: str = "receiver.example") -> Message:
    url = f"{scheme}://{host}:{receiver.port}/hook?a=b"
    return Message(delivery_id=1, url=url, secret=new_secret(), body="{}")


@pytest.mark.parametrize(
    "addresses",
    [
        (LOOPBACK,),
        (PUBLIC, LOOPBACK),
        (LOOPBACK, PUBLIC),
        ("::ffff:127.0.0.1",),
        ("64:ff9b::7f00:1",),
        ("::1",),
    ],
)
async def test_a_name_that_leads_to_a_private_address_among_others_is_not_connected_to(
    receiver: Receiver, addresses: tuple[str, ...]
) -> None:
    async with sending(addresses) as sender:
        outcome = await sender.send(message(receiver))
    assert outcome.error == "receiver.example leads to an address that is not public"
    assert outcome.status is None
    assert receiver.connections == 0


async def test_a_name_that_is_private_only_when_it_is_looked_at_again_is_looked_at_once(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the answer that is checked is the one that is connected to."""
    monkeypatch.setattr("service.infra.outgoing.transport.is_public", lambda address: address == DEAF)
    async with sending([DEAF], [LOOPBACK]) as sender:
        outcome = await sender.send(message(receiver))
        assert outcome.status is None
        assert "not public" not in str(outcome.error)
        assert receiver.connections == 0
        outcome = await sender.send(message(receiver))
    assert "not public" in str(outcome.error)
    assert receiver.connections == 0


async def test_a_connection_is_not_kept_for_what_a_name_means_later(receiver: Receiver) -> None:
    async with sending([LOOPBACK], allow_private=True) as sender:
        for _ in range(3):
            await sender.send(message(receiver))
    assert receiver.connections == 3


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "localhost", "[::1]"])
async def test_this_machine_is_not_connected_to_in_any_spelling(receiver: Receiver, host: str) -> None:
    sender = Sender(SystemResolver(), timeout=60, allow_private=False)
    outcome = await sender.send(message(receiver, host=host))
    await sender.close()
    assert "not public" in str(outcome.error)
    assert receiver.connections == 0


async def test_a_name_without_an_address_is_a_failure_with_a_reason(receiver: Receiver) -> None:
    async with sending([LOOPBACK]) as sender:
        outcome = await sender.send(message(receiver, host="nobody.example"))
    assert outcome.error == "nobody.example has no address"


async def test_the_next_address_is_tried_when_nobody_listens_at_one(receiver: Receiver) -> None:
    async with sending([DEAF, LOOPBACK], allow_private=True) as sender:
        outcome = await sender.send(message(receiver))
    assert outcome.status == 204
    (received,) = receiver.received
    assert received.headers["host"] == f"receiver.example:{receiver.port}"
    assert received.target == "/hook?a=b"


async def test_proxies_of_the_environment_are_not_asked(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would resolve the name themselves."""
    async with receiving() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        async with sending([LOOPBACK], allow_private=True) as sender:
            await sender.send(message(receiver))
        assert proxy.connections == 0
    assert receiver.connections == 1


async def test_a_target_that_does_not_answer_is_given_up(receiver: Receiver) -> None:
    receiver.answer = silence
    async with sending([LOOPBACK], allow_private=True, seconds=0.1) as sender:
        outcome = await sender.send(message(receiver))
    assert (outcome.status, outcome.error) == (None, "No answer within 0.1 s")


async def test_an_answer_counts_from_its_status_on(receiver: Receiver) -> None:
    async def half(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    receiver.answer = half
    async with sending([LOOPBACK], allow_private=True) as sender:
        outcome = await sender.send(message(receiver))
    assert (outcome.status, outcome.error) == (200, None)


async def test_of_an_answer_without_end_a_little_is_read(receiver: Receiver) -> None:
    receiver.answer = endless
    async with sending([LOOPBACK], allow_private=True, seconds=600) as sender, asyncio.timeout(60):
        outcome = await sender.send(message(receiver))
    assert outcome.is_success


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Of receiver.example, and trusted until the end of the test."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    pem = tmp_path / "receiver.pem"
    subprocess.run(
        f"{openssl} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=receiver "
        f"-addext subjectAltName=DNS:receiver.example -keyout {pem}.key -out {pem}".split(),
        check=True,
        capture_output=True,
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, f"{pem}.key")
    return context


async def test_the_certificate_has_to_be_that_of_the_name_and_not_of_the_address(
    certificate: ssl.SSLContext,
) -> None:
    asked_for = list[str | None]()
    certificate.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    async with receiving(certificate) as receiver, sending([LOOPBACK], allow_private=True) as sender:
        outcome = await sender.send(message(receiver, scheme="https"))
        assert (outcome.status, outcome.error) == (204, None)
    assert asked_for == ["receiver.example"]


async def test_the_certificate_of_another_name_is_refused(certificate: ssl.SSLContext) -> None:
    resolver = ScriptedResolver({"other.example": [[LOOPBACK]]})
    sender = Sender(resolver, timeout=60, allow_private=True)
    async with receiving(certificate) as receiver:
        outcome = await sender.send(message(receiver, scheme="https", host="other.example"))
        assert receiver.received == []
    await sender.close()
    assert "certificate" in str(outcome.error).lower()
