from hypothesis import given
from hypothesis import strategies as st

from service.infra.cache.stretches import around, covering

ids = st.integers(0, 300)


@given(ids, st.none() | ids, st.integers(1, 300))
def test_an_id_touches_a_stretch_exactly_if_it_lies_inside(after: int, last: int | None, number: int) -> None:
    is_inside = after < number and (last is None or number <= last)
    stretch = set(covering("tree", after=after, last=last))
    assert (not stretch.isdisjoint(around("tree", number))) is is_inside


@given(ids, ids)
def test_no_block_is_named_twice(after: int, last: int) -> None:
    tags = list(covering("tree", after=after, last=last))
    assert len(tags) == len(set(tags))


def test_trees_do_not_touch_each_other() -> None:
    assert set(around("kitchen", 5)).isdisjoint(around("garden", 5))


def test_ids_beyond_the_last_place_still_touch() -> None:
    far = 2**62
    assert not set(covering("tree", after=far, last=far + 50)).isdisjoint(around("tree", far + 3))
    assert not set(covering("tree", after=1, last=None)).isdisjoint(around("tree", far))


def test_the_first_page_of_sixteen_is_one_block() -> None:
    assert list(covering("tree", after=0, last=15)) == ["tree/16/0"]
