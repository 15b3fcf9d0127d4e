from decimal import Decimal

from service.sample.article import Article
from service.sample.dice import Dice

_SMALL, _LARGE = 20, 100  # euros: where the customary endings of a price change


def price_of(article: Article, dice: Dice) -> Decimal:
    """Euros, within the range of the kind; dearer materials and larger sizes cost more."""
    kind = article.kind
    material = _rank(article.material, kind.materials)
    size = _rank(article.variant, kind.sizes) if kind.sizes else dice.fraction()
    position = (2 * material + 2 * size + dice.fraction()) / 5
    lowest, highest = kind.price
    return _charming(int(lowest + (highest - lowest) * position * position), dice)


def _rank(value: str, ascending: tuple[str, ...]) -> float:
    return ascending.index(value) / max(1, len(ascending) - 1)


def _charming(euros: int, dice: Dice) -> Decimal:
    if euros >= _LARGE:
        return _decimal((euros + 1) // 10 * 10 - 1, 0)
    return _decimal(euros, dice.one_of((49, 95, 99) if euros < _SMALL else (0, 95, 99)))


def _decimal(euros: int, cents: int) -> Decimal:
    return Decimal(euros * 100 + cents).scaleb(-2)
