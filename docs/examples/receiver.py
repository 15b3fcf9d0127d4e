"""A receiver of webhooks: run it with `WEBHOOK_SECRET=whsec_… uvicorn receiver:app --port 9000`."""

import os
from typing import Annotated

from fastapi import FastAPI, Header, HTTPException, Request
from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])
# Whatever survives a restart is better: a unique column in the database that the event changes.
seen = set[str]()
app = FastAPI()


@app.post("/hook", status_code=204)
async def receive(request: Request, webhook_id: Annotated[str, Header()]) -> None:
    # The bytes as they came: JSON that was read and written again has another signature.
    body = await request.body()
    try:
        event = webhook.verify(body, dict(request.headers))
    except WebhookVerificationError as error:
        raise HTTPException(401, str(error)) from error
    if webhook_id in seen:
        return
    seen.add(webhook_id)
    print(event["type"], event["data"]["id"], "version", event["data"]["version"])  # noqa: T201
