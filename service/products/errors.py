from service.errors import NotFound, PreconditionFailed


class ProductNotFound(NotFound):
    title = "Product not found"
    location = ("path", "product_id")

    def __init__(self, product_id: int) -> None:
        super().__init__(f"There is no product {product_id}")


class ProductChanged(PreconditionFailed):
    title = "Product has changed"

    def __init__(self, product_id: int) -> None:
        super().__init__(f"Product {product_id} has changed since you read it: read it again")
