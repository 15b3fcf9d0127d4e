"""An SMTP server for development: what it takes goes nowhere but into files."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiosmtpd.smtp import SMTP

MAX_MESSAGE_SIZE = 1024 * 1024
SUFFIX = ".eml"


class MailFolder:
    """Messages as files, the names of which sort by arrival."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def keep(self, content: bytes) -> None:
        name = f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{uuid4().hex[:8]}"
        # Whole or not at all, for whoever reads the folder meanwhile.
        unfinished = self.path / f"{name}.part"
        unfinished.write_bytes(content)
        unfinished.rename(self.path / f"{name}{SUFFIX}")

    def names(self) -> list[str]:
        """Newest first."""
        return sorted((path.stem for path in self.path.glob(f"*{SUFFIX}")), reverse=True)

    def read(self, name: str) -> EmailMessage | None:
        """The message, None when there is none of this name."""
        if name not in self.names():
            return None
        content = (self.path / f"{name}{SUFFIX}").read_bytes()
        return message_from_bytes(content, policy=policy.default)


class _Keep:
    def __init__(self, folder: MailFolder) -> None:
        self._folder = folder

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's)
        self._folder.keep(envelope.content)
        return "250 Kept"


class _Conversation(SMTP):
    """One connection of a sender, which can be ended from outside."""

    def __init__(self, folder: MailFolder, all_of_them: set["_Conversation"]) -> None:
        super().__init__(
            _Keep(folder), data_size_limit=MAX_MESSAGE_SIZE, enable_SMTPUTF8=True, ident="Glasshouse"
        )
        self._all_of_them = all_of_them
        self._over = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._all_of_them.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._all_of_them.discard(self)
        self._over.set()

    async def end(self) -> None:
        if self.transport is not None:
            self.transport.close()
            await self._over.wait()


@asynccontextmanager
async def receiving(folder: MailFolder, *, host: str, port: int) -> AsyncIterator[None]:
    """Take every message that is sent to this address until the end of the block."""
    conversations: set[_Conversation] = set()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Conversation(folder, conversations), host, port
    )
    try:
        yield
    finally:
        server.close()
        await asyncio.gather(*[conversation.end() for conversation in conversations])
