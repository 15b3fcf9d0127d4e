from service.errors import Conflict, Invalid, NotFound


class WebhookNotFound(NotFound):
    title = "Webhook not found"
    location = ("path", "webhook_id")

    def __init__(self, webhook_id: int) -> None:
        super().__init__(f"You have no webhook {webhook_id}")


class DeliveryNotFound(NotFound):
    title = "Delivery not found"
    location = ("path", "delivery_id")

    def __init__(self, delivery_id: int) -> None:
        super().__init__(f"This webhook has no delivery {delivery_id}")


class PrivateTarget(Invalid):
    title = "Private target"
    location = ("body", "url")

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} is not on the public internet: name a host that is")


class TooManyWebhooks(Conflict):
    title = "Too many webhooks"
    location = ("header", "Authorization")

    def __init__(self, most: int) -> None:
        super().__init__(f"You have {most} webhooks, which is the most: delete one first")
