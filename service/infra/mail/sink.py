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


@asynccontextmanager
async def receiving(folder: MailFolder, *, host: str, port: int) -> AsyncIterator[None]:
    """Take every message that is sent to this address until the end of the block."""

    class Keep:
        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's)
            folder.keep(envelope.content)
            return "250 Kept"

    def make() -> SMTP:
        return SMTP(Keep(), data_size_limit=MAX_MESSAGE_SIZE, enable_SMTPUTF8=True, ident="Glasshouse")

    server = await asyncio.get_running_loop().create_server(make, host, port)
    try:
        yield
    finally:
        server.close()
