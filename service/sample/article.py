from dataclasses import dataclass

from service.sample.dice import Dice
from service.sample.vocabulary.makers import MAKERS, Maker
from service.sample.vocabulary.shape import Category, Kind


@dataclass(frozen=True, slots=True)
class Article:
    category: Category
    kind: Kind
    maker: Maker
    material: str
    noun: str
    variant: str

    @property
    def name(self) -> str:
        return f"{self.maker.name} {capitalised(f'{self.material} {self.noun}')}, {first_upper(self.variant)}"


def invent(category: Category, dice: Dice) -> Article:
    kind = dice.one_of(category.kinds)
    return Article(
        category=category,
        kind=kind,
        maker=dice.one_of(MAKERS),
        material=dice.one_of(kind.materials),
        noun=dice.one_of(tuple(kind.nouns)),
        variant=dice.one_of(kind.variants),
    )


def capitalised(phrase: str) -> str:
    return " ".join(first_upper(word) for word in phrase.split(" "))


def first_upper(phrase: str) -> str:
    return phrase[0].upper() + phrase[1:]
