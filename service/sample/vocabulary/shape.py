from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """Nouns that share everything else: each feature is true of each noun in each material."""

    nouns: Mapping[str, str]  # singular noun -> what it is for, as a gerund phrase
    materials: tuple[str, ...]  # cheapest first
    price: tuple[int, int]  # whole euros, lowest and highest
    features: tuple[str, ...]  # noun phrases that follow "It has"
    sizes: tuple[str, ...] = ()  # smallest first; a kind has sizes or colours
    colours: tuple[str, ...] = ()

    @property
    def variants(self) -> tuple[str, ...]:
        return self.sizes or self.colours


@dataclass(frozen=True, slots=True)
class Category:
    slug: str
    weight: int  # share of the catalogue, relative to the other categories
    places: tuple[str, ...]  # phrases that follow "feels at home"
    closers: tuple[str, ...]  # whole sentences, true of each kind
    kinds: tuple[Kind, ...]
