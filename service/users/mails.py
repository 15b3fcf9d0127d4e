"""What users are written."""

from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from service.users.schemas import Profile

_TEMPLATES = Environment(
    loader=PackageLoader("service.users"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
)


def welcome(profile: Profile, *, sender: str, now: datetime) -> EmailMessage:
    """The message to a new user; whenever it is made, its Message-ID is the same."""
    message = EmailMessage(policy.SMTPUTF8)
    message["From"] = sender
    message["To"] = profile.email
    message["Subject"] = "Welcome to Glasshouse"
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<welcome.{profile.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notices back
    values = {"name": profile.name, "email": profile.email}
    message.set_content(_TEMPLATES.get_template("welcome.txt").render(values))
    message.add_alternative(_TEMPLATES.get_template("welcome.html").render(values), subtype="html")
    return message
