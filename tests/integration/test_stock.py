"""The stock against a model: an integer that never goes below zero."""

import asyncio
from collections import Counter

from httpx2 import Response
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.conftest import Api
from tests.integration.problems import problem

DELTAS = st.integers(-9, 9).filter(bool)


async def adjust(api: Api, item_id: int, delta: int) -> Response:
    return await api.client.post(f"/items/{item_id}/adjust", json={"delta": delta}, headers=api.as_writer())


async def stocked(api: Api, quantity: int) -> int:
    product = await api.create_product()
    item_id: int = (await api.create_item(product["id"], quantity=quantity))["id"]
    return item_id


async def quantity_of(api: Api, item_id: int) -> int:
    quantity: int = (await api.client.get(f"/items/{item_id}")).json()["quantity"]
    return quantity


@given(start=st.integers(0, 9), deltas=st.lists(DELTAS, min_size=1, max_size=12))
@settings(max_examples=40)
async def test_changes_add_up_and_one_below_zero_changes_nothing(
    api: Api, start: int, deltas: list[int]
) -> None:
    item_id, quantity = await stocked(api, start), start
    for delta in deltas:
        answer = await adjust(api, item_id, delta)
        if quantity + delta < 0:
            detail = problem(answer, 409, "body.delta")["detail"]
            assert f"The stock is {quantity}; changed by {delta}" in detail
        else:
            quantity += delta
            assert (answer.status_code, answer.json()["quantity"]) == (200, quantity)
        assert await quantity_of(api, item_id) == quantity


@given(start=st.integers(0, 9), deltas=st.lists(DELTAS, min_size=2, max_size=10))
@settings(max_examples=40)
async def test_changes_at_once_have_the_effect_of_some_order(api: Api, start: int, deltas: list[int]) -> None:
    item_id = await stocked(api, start)
    answers = await asyncio.gather(*(adjust(api, item_id, delta) for delta in deltas))
    end = await quantity_of(api, item_id)
    made = [
        (answer.json()["quantity"] - delta, answer.json()["quantity"])
        for delta, answer in zip(deltas, answers, strict=True)
        if answer.is_success
    ]
    refused = [answer for answer in answers if not answer.is_success]
    assert all(answer.status_code == 409 for answer in refused)
    assert all(before >= 0 and after >= 0 for before, after in made)
    # Laid end to end they lead from the start to the end: what one left, exactly one found.
    assert Counter(after for _, after in made) + Counter([start]) == Counter(
        before for before, _ in made
    ) + Counter([end])


async def test_the_last_piece_is_sold_once(api: Api) -> None:
    item_id = await stocked(api, 1)
    answers = await asyncio.gather(*(adjust(api, item_id, -1) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 19}
    assert await quantity_of(api, item_id) == 0
