from datetime import UTC, datetime
from typing import ClassVar

from service.infra.jobs.handlers import Discard, JobContext
from service.infra.jobs.job import Job, RetryPolicy
from service.infra.mail.mailer import Mailer, MailRefused
from service.users import mails
from service.users.repository import UserRepository


class SendWelcomeEmail(Job):
    """Some hours of patience with a mail server that is away."""

    name: ClassVar[str] = "send_welcome_email"
    retry: ClassVar[RetryPolicy] = RetryPolicy(attempts=20, first_delay=1.0, max_delay=1800.0)

    user_id: int


class WelcomeEmails:
    """Welcomes new users."""

    def __init__(self, users: UserRepository, mailer: Mailer) -> None:
        self._users = users
        self._mailer = mailer

    async def send(self, job: SendWelcomeEmail, _context: JobContext) -> None:
        profile = await self._users.profile(job.user_id)
        if profile is None:
            return  # the account is gone: there is nobody to welcome
        message = mails.welcome(profile, sender=self._mailer.sender, now=datetime.now(UTC))
        try:
            await self._mailer.send(message)
        except MailRefused as error:
            msg = f"the mail server refuses it: {error}"
            raise Discard(msg) from error
