"""Hands e-mail to an SMTP server."""

from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import aiosmtplib

PERMANENT = range(500, 600)  # https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1
PORTS = {"smtp": 25, "smtps": 465}


class MailRefused(Exception):
    """The server will never take this message for this address."""


class Mailer:
    """Sends from one address through one server, TLS where the server offers it."""

    def __init__(self, url: str, *, sender: str, timeout: float) -> None:
        """`timeout` is in seconds, for each step of the conversation."""
        parsed = urlsplit(url)
        self.sender = sender
        self._timeout = timeout
        self._host = parsed.hostname
        self._port = parsed.port or PORTS[parsed.scheme]
        self._is_tls = parsed.scheme == "smtps"
        self._username = unquote(parsed.username) if parsed.username else None
        self._password = unquote(parsed.password) if parsed.password else None

    async def send(self, message: EmailMessage) -> None:
        """Return when the server has taken the message.

        Raises:
            MailRefused: It will not, whenever it is asked.
            OSError: It cannot be reached now.
            aiosmtplib.SMTPException: It cannot take it now, or does not like us.
        """
        try:
            await aiosmtplib.send(
                message,
                hostname=self._host,
                port=self._port,
                username=self._username,
                password=self._password,
                use_tls=self._is_tls,
                timeout=self._timeout,
            )
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPDataError) as error:
            answers = error.recipients if isinstance(error, aiosmtplib.SMTPRecipientsRefused) else [error]
            if not all(answer.code in PERMANENT for answer in answers):
                raise
            msg = "; ".join(f"{answer.code} {answer.message}" for answer in answers)
            raise MailRefused(msg) from error
