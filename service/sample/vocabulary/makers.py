from typing import NamedTuple


class Maker(NamedTuple):
    name: str
    city: str


_BEGINNINGS = (
    "Arden",
    "Bram",
    "Calder",
    "Corrin",
    "Dray",
    "Ellers",
    "Fairn",
    "Garth",
    "Hather",
    "Ingle",
    "Kelder",
    "Lark",
    "Marl",
    "Norr",
    "Penn",
    "Quill",
    "Ravens",
    "Sel",
    "Thorn",
    "Wend",
)
_ENDINGS = ("by", "croft", "dale", "ford", "ham", "holm", "mere", "moor", "stow", "well", "wick", "worth")
_CITIES = (
    "Aarhus",
    "Antwerp",
    "Bristol",
    "Ghent",
    "Gothenburg",
    "Leipzig",
    "Lyon",
    "Porto",
    "Turin",
    "Utrecht",
    "Vienna",
)

# Invented names; a maker keeps its city in every description.
MAKERS = tuple(
    Maker(beginning + ending, _CITIES[(first + second) % len(_CITIES)])
    for first, beginning in enumerate(_BEGINNINGS)
    for second, ending in enumerate(_ENDINGS)
)
