from service.errors import Conflict, Invalid, NotFound


class ItemNotFound(NotFound):
    title = "Item not found"
    location = ("path", "item_id")

    def __init__(self, item_id: int) -> None:
        super().__init__(f"There is no item {item_id}")


class UnknownProduct(Invalid):
    title = "Unknown product"
    location = ("body", "product_id")

    def __init__(self, product_id: int) -> None:
        super().__init__(f"There is no product {product_id}")


class SkuTaken(Conflict):
    title = "SKU is taken"
    location = ("body", "sku")

    def __init__(self, sku: str) -> None:
        super().__init__(f"There is an item with the SKU {sku} already")


class StockOutOfBounds(Conflict):
    title = "Stock out of bounds"
    location = ("body", "delta")

    def __init__(self, quantity: int, delta: int, maximum: int) -> None:
        super().__init__(f"The stock is {quantity}; changed by {delta} it would leave 0 to {maximum}")


class RequestInFlight(Conflict):
    title = "Request in flight"
    location = ("header", "Idempotency-Key")

    def __init__(self) -> None:
        super().__init__("A request with this Idempotency-Key is being handled: ask again when it is done")


class IdempotencyKeyReused(Invalid):
    title = "Idempotency-Key reused"
    location = ("header", "Idempotency-Key")

    def __init__(self) -> None:
        super().__init__("This key was used for another request: send a new one")
