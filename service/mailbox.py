"""A mailbox for development: an SMTP server, and a page that shows what it took."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path

from jinja2 import DictLoader, Environment
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from service.infra.mail.sink import MailFolder, receiving

SHOWN = 200

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Mail</title>
<style>body { font-family: sans-serif; margin: 2rem } td, th { text-align: left; padding: .2rem 1rem .2rem 0 }
iframe { width: 100%; height: 24rem; border: 1px solid #ccc } pre { white-space: pre-wrap }</style></head>
<body>{% block body %}{% endblock %}</body></html>"""

_LIST = """{% extends "page" %}{% block body %}<h1>Mail</h1>
<p>Nothing leaves this machine. The files are in {{ folder }}.</p>
<table><tr><th>Date</th><th>To</th><th>Subject</th></tr>
{% for name, mail in mails %}<tr><td>{{ mail.Date }}</td><td>{{ mail.To }}</td>
<td><a href="/{{ name }}">{{ mail.Subject or "(none)" }}</a></td></tr>
{% else %}<tr><td>No mail yet: register somebody</td></tr>
{% endfor %}</table>{% endblock %}"""

_MESSAGE = """{% extends "page" %}{% block body %}<p><a href="/">All mail</a></p><h1>{{ mail.Subject or "(none)" }}</h1>
<table>{% for name, value in mail.items() %}<tr><th>{{ name }}</th><td>{{ value }}</td></tr>{% endfor %}</table>
<pre>{{ text }}</pre>{% if html %}<iframe sandbox srcdoc="{{ html }}"></iframe>{% endif %}{% endblock %}"""

_TEMPLATES = Environment(
    loader=DictLoader({"page": _PAGE, "list": _LIST, "message": _MESSAGE}), autoescape=True
)


def create_app(folder: Path, *, smtp_host: str, smtp_port: int) -> Starlette:
    """The mailbox in `folder`."""
    mails = MailFolder(folder)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with receiving(mails, host=smtp_host, port=smtp_port):
            yield

    async def show_all(_request: Request) -> Response:
        shown = [(name, mails.read(name)) for name in mails.names()[:SHOWN]]
        return HTMLResponse(_TEMPLATES.get_template("list").render(mails=shown, folder=folder))

    async def show_one(request: Request) -> Response:
        mail = mails.read(request.path_params["name"])
        if mail is None:
            raise HTTPException(404)
        page = _TEMPLATES.get_template("message")
        return HTMLResponse(page.render(mail=mail, text=_part(mail, "plain"), html=_part(mail, "html")))

    return Starlette(routes=[Route("/", show_all), Route("/{name}", show_one)], lifespan=lifespan)


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()) if part else ""
