from service.sample.article import Article, first_upper
from service.sample.dice import Dice
from service.sample.vocabulary.facts import MATERIAL_FACTS

_OPENINGS = (
    "This {thing} is made for {purpose}.",
    "{maker} makes this {thing} for {purpose}.",
    "Choose this {thing} for {purpose}.",
    "The {maker} {noun} is meant for {purpose}.",
    "Made for {purpose}, this {thing} feels at home {place}.",
    "{maker} designed this {thing} with one job in view: {purpose}.",
    "Here is {a_thing} for {purpose}, and it feels at home {place}.",
)
_FEATURES = (
    "It has {feature}.",
    "{maker} gave it {feature}.",
    "You will appreciate {feature}.",
    "It has {feature} and {other_feature}.",
    "The details include {feature}, as well as {other_feature}.",
    "Buyers single out {feature} and {other_feature}.",
)
_SIZES = (
    "This is the {variant} version, and {other_variant} is available too.",
    "You are looking at the {variant} version.",
)
_COLOURS = (
    "This version comes in {variant}.",
    "It is shown in {variant}, one of several options in the range.",
)
_CLOSERS = (
    "It pairs well with other pieces from {maker}.",
    "Designed in {city} and built to be repaired.",
    "{maker} is an independent workshop in {city}.",
)
_EXTRAS = (1, 2, 2, 3)  # sentences after the opening, as often as they stand here


def describe(article: Article, dice: Dice) -> str:
    """Two to four sentences in the order a shop would write them."""
    after_opening = (
        MATERIAL_FACTS[article.material],
        _FEATURES,
        _SIZES if article.kind.sizes else _COLOURS,
        article.category.closers + _CLOSERS,
    )
    chosen = sorted(dice.some_of(range(len(after_opening)), dice.one_of(_EXTRAS)))
    templates = [_OPENINGS, *(after_opening[index] for index in chosen)]
    words = _words(article, dice)
    return " ".join(first_upper(dice.one_of(choices).format_map(words)) for choices in templates)


def _words(article: Article, dice: Dice) -> dict[str, str]:
    feature, other_feature = dice.some_of(article.kind.features, 2)
    thing = f"{article.material} {article.noun}"
    return {
        "maker": article.maker.name,
        "city": article.maker.city,
        "noun": article.noun,
        "thing": thing,
        "a_thing": f"{_indefinite_article(thing)} {thing}",
        "purpose": article.kind.nouns[article.noun],
        "place": dice.one_of(article.category.places),
        "feature": feature,
        "other_feature": other_feature,
        "variant": article.variant,
        "other_variant": dice.one_of([each for each in article.kind.variants if each != article.variant]),
    }


def _indefinite_article(phrase: str) -> str:
    return "an" if phrase[0] in "aeio" else "a"
