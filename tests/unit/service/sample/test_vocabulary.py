from collections.abc import Iterator

from service.sample.vocabulary import CATEGORIES
from service.sample.vocabulary.facts import MATERIAL_FACTS
from service.sample.vocabulary.makers import MAKERS
from service.sample.vocabulary.shape import Kind


def test_a_fact_is_known_about_each_material_and_no_other() -> None:
    assert {material for kind in _kinds() for material in kind.materials} == set(MATERIAL_FACTS)


def test_each_kind_has_enough_to_choose_from() -> None:
    for kind in _kinds():
        assert len(kind.features) >= 4
        assert len(set(kind.features)) == len(kind.features)
        assert len(kind.variants) >= 2
        assert bool(kind.sizes) != bool(kind.colours)


def test_nouns_belong_to_one_kind() -> None:
    nouns = [noun for kind in _kinds() for noun in kind.nouns]
    assert len(set(nouns)) == len(nouns)


def test_makers_have_different_names() -> None:
    assert len({maker.name for maker in MAKERS}) == len(MAKERS)


def _kinds() -> Iterator[Kind]:
    for category in CATEGORIES:
        yield from category.kinds
