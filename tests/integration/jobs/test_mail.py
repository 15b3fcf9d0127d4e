"""Welcome e-mails through a real SMTP conversation."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiosmtpd.smtp import SMTP

from service.infra.database import Database
from service.infra.embedded.ports import free_port
from service.infra.jobs.handlers import Discard, JobContext
from service.infra.mail.mailer import Mailer, MailRefused
from service.infra.mail.sink import MailFolder, receiving
from service.users.jobs import SendWelcomeEmail, WelcomeEmails
from service.users.repository import UserRepository

FIRST = JobContext(job_id=1, attempt=1, attempts=3, headers={})


async def new_user(postgres: asyncpg.Connection, email: str, name: str = "Ada") -> int:
    return int(
        await postgres.fetchval(
            "INSERT INTO users (email, name, password_hash) VALUES ($1, $2, '') RETURNING id", email, name
        )
    )


def mailer(port: int) -> Mailer:
    return Mailer(f"smtp://127.0.0.1:{port}", sender="hello@glasshouse.example", timeout=30)


def text_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


@asynccontextmanager
async def answering(answer: str) -> AsyncIterator[int]:
    """A server that answers every recipient so, and its port."""

    class Refuse:
        async def handle_RCPT(self, *_: Any) -> str:  # noqa: N802 (aiosmtpd's)
            return answer

    port = free_port()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(Refuse()), "127.0.0.1", port)
    yield port
    server.close()


async def test_a_welcome_arrives_in_text_and_html_and_is_the_same_when_sent_again(
    database: Database,
    postgres: asyncpg.Connection,
    tmp_path: Path,
) -> None:
    user_id = await new_user(postgres, "grace@example.com", "Grace <Hopper>")
    folder, port = MailFolder(tmp_path), free_port()
    emails = WelcomeEmails(UserRepository(database), mailer(port))
    async with receiving(folder, host="127.0.0.1", port=port):
        await emails.send(SendWelcomeEmail(user_id=user_id), FIRST)
        await emails.send(SendWelcomeEmail(user_id=user_id), FIRST)
    first, second = (folder.read(name) for name in folder.names())
    assert first is not None
    assert second is not None
    assert first["Message-ID"] == second["Message-ID"] == f"<welcome.{user_id}@glasshouse.example>"
    assert (first["To"], first["From"]) == ("grace@example.com", "hello@glasshouse.example")
    assert "Hello Grace <Hopper>," in text_of(first, "plain")
    assert "Hello Grace &lt;Hopper&gt;," in text_of(first, "html")


async def test_an_address_that_is_not_ascii_is_written_to(
    database: Database,
    postgres: asyncpg.Connection,
    tmp_path: Path,
) -> None:
    user_id = await new_user(postgres, "zoë@bücher.example.com", "Zoë\r\nBcc: eve@example.com")
    folder, port = MailFolder(tmp_path), free_port()
    async with receiving(folder, host="127.0.0.1", port=port):
        await WelcomeEmails(UserRepository(database), mailer(port)).send(
            SendWelcomeEmail(user_id=user_id), FIRST
        )
    message = folder.read(folder.names()[0])
    assert message is not None
    assert (message["To"], message["Bcc"]) == ("zoë@bücher.example.com", None)


async def test_nobody_is_written_to_when_the_account_is_gone(database: Database) -> None:
    emails = WelcomeEmails(UserRepository(database), mailer(free_port()))
    await emails.send(SendWelcomeEmail(user_id=2**40), FIRST)


async def test_an_address_that_the_server_refuses_for_good_is_given_up(
    database: Database,
    postgres: asyncpg.Connection,
) -> None:
    user_id = await new_user(postgres, "nobody@example.com")
    async with answering("550 5.1.1 No such mailbox") as port:
        emails = WelcomeEmails(UserRepository(database), mailer(port))
        with pytest.raises(Discard, match="No such mailbox") as refusal:
            await emails.send(SendWelcomeEmail(user_id=user_id), FIRST)
    assert isinstance(refusal.value.__cause__, MailRefused)


@pytest.mark.parametrize("answer", ["451 4.3.0 Try later", "452 4.2.2 Mailbox full"])
async def test_an_address_that_the_server_refuses_for_now_is_tried_again(
    database: Database,
    postgres: asyncpg.Connection,
    answer: str,
) -> None:
    user_id = await new_user(postgres, f"{answer[:3]}@example.com")
    async with answering(answer) as port:
        emails = WelcomeEmails(UserRepository(database), mailer(port))
        with pytest.raises(Exception, match=answer[4:]) as refusal:
            await emails.send(SendWelcomeEmail(user_id=user_id), FIRST)
    assert not isinstance(refusal.value, Discard)


async def test_a_sender_that_stays_is_hung_up_on_when_the_sink_goes(tmp_path: Path) -> None:
    port = free_port()
    async with receiving(MailFolder(tmp_path), host="127.0.0.1", port=port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert (await reader.readline()).startswith(b"220 ")
    assert await asyncio.wait_for(reader.read(), timeout=60) == b""
    writer.close()
