import asyncio

from service.infra.tasks import Tasks


async def test_a_task_that_loses_its_cancellation_ends_all_the_same() -> None:
    tasks = Tasks()
    lost = asyncio.Event()

    async def deaf() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost.set()
        await asyncio.Event().wait()

    tasks.start(deaf())
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await tasks.close()
    assert lost.is_set()
