"""What Redis commands and pipelines count as."""

import asyncio
from typing import Any

import pytest
from redis import Redis as SyncRedis
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError

from observability.clients.redis import measure_redis, named_clients
from observability.context import RequestRecord
from observability.errors import AlreadyInstrumented
from observability.metrics.database import OperationMetrics
from observability.metrics.registry import Registry
from observability.testing import recorded, series

OPERATIONS = "db_client_operation_duration_seconds_count"


class ScriptedPipeline(Pipeline):
    """Answers without a server."""

    async def execute(self, raise_on_error: bool = True) -> list[Any]:  # noqa: FBT001, FBT002  redis-py's signature
        if self.command_stack and self.command_stack[0][0][0] == "FAIL" and raise_on_error:
            raise RedisConnectionError
        return ["OK" for _ in self.command_stack]

    async def immediate_execute_command(self, *_arguments: Any, **_options: Any) -> Any:
        return "now"


class ScriptedRedis(Redis):
    """Answers without a server."""

    async def execute_command(self, *arguments: Any, **_options: Any) -> Any:
        if arguments[0] == "FAIL":
            raise RedisConnectionError
        if arguments[0] == "HANG":
            await asyncio.Event().wait()
        return b"value"

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:  # noqa: FBT001, FBT002  redis-py's signature
        return ScriptedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


@pytest.fixture
def client(registry: Registry) -> Any:
    client = ScriptedRedis()
    measure_redis(client, OperationMetrics(registry))
    return client


def counted(registry: Registry) -> dict[tuple[str, str], float]:
    """Operations by command and error."""
    found = series(registry, OPERATIONS, db_system_name="redis")
    return {
        (dict(labels)["db_operation_name"], dict(labels)["error_type"]): value
        for labels, value in found.items()
    }


async def test_each_command_is_counted_by_name(client: Any, registry: Registry) -> None:
    assert await client.get("key") == b"value"
    await client.set("key", "value")
    await client.execute_command(b"get", "key")
    await client.execute_command("CLIENT SETINFO", "LIB-NAME", "shop")
    assert counted(registry) == {("GET", ""): 2, ("SET", ""): 1, ("CLIENT", ""): 1}


async def test_a_failed_command_is_counted_with_its_error(client: Any, registry: Registry) -> None:
    with pytest.raises(RedisConnectionError):
        await client.execute_command("FAIL")
    assert counted(registry) == {("FAIL", "ConnectionError"): 1}


async def test_a_cancelled_command_is_counted_as_cancelled(client: Any, registry: Registry) -> None:
    hanging = asyncio.create_task(client.execute_command("HANG"))
    await asyncio.sleep(0)
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert counted(registry) == {("HANG", "CancelledError"): 1}


@pytest.mark.parametrize("command", ["", " "], ids=["empty", "blank"])
async def test_a_command_without_a_name_still_reaches_the_client(
    client: Any, registry: Registry, command: str
) -> None:
    await client.execute_command(command)
    assert counted(registry) == {("", ""): 1}


async def test_a_pipeline_is_one_operation(client: Any, registry: Registry) -> None:
    pipeline = client.pipeline()
    pipeline.get("one")
    pipeline.get("two")
    assert await pipeline.execute() == ["OK", "OK"]
    assert counted(registry) == {("PIPELINE", ""): 1}


async def test_a_failed_pipeline_is_counted_with_its_error(client: Any, registry: Registry) -> None:
    pipeline = client.pipeline()
    pipeline.execute_command("FAIL")
    with pytest.raises(RedisConnectionError):
        await pipeline.execute()
    assert counted(registry) == {("PIPELINE", "ConnectionError"): 1}


async def test_a_command_that_a_pipeline_sends_at_once_counts_by_itself(
    client: Any, registry: Registry
) -> None:
    assert await client.pipeline().watch("key") == "now"
    assert counted(registry) == {("WATCH", ""): 1}


async def test_pipelines_of_one_client_share_their_class(client: Any) -> None:
    assert type(client.pipeline()) is type(client.pipeline())


class Batch:
    """A pipeline of some other client: all it has is `execute`."""

    async def execute(self) -> str:
        return "done"


class OtherClient:
    async def execute_command(self, *_arguments: Any) -> str:
        return "done"

    def pipeline(self) -> Batch:
        return Batch()


async def test_any_client_of_the_same_shape_is_measured(registry: Registry) -> None:
    client = OtherClient()
    measure_redis(client, OperationMetrics(registry))
    assert (await client.execute_command("GET"), await client.pipeline().execute()) == ("done", "done")
    assert counted(registry) == {("GET", ""): 1, ("PIPELINE", ""): 1}


def test_the_client_is_still_what_it_was(client: Any) -> None:
    assert isinstance(client, ScriptedRedis)


@pytest.mark.usefixtures("client")
async def test_a_client_that_is_not_measured_stays_unmeasured(registry: Registry) -> None:
    await ScriptedRedis().get("key")
    assert counted(registry) == {}


async def test_the_time_goes_to_the_request(client: Any, record: RequestRecord) -> None:
    await client.get("key")
    assert 0 < record.cache_seconds < 10
    assert record.query_count == 0


async def test_a_flood_of_commands_is_served(client: Any, registry: Registry) -> None:
    for number in range(5_000):
        await client.execute_command(f"INVENTED{number}")
    assert recorded(registry, OPERATIONS, db_operation_name="INVENTED1") == 1


@pytest.mark.parametrize(
    ("client", "kind"), [(SyncRedis(), "redis.client.Redis"), ("redis://:secret@localhost", "builtins.str")]
)
def test_what_is_no_asynchronous_client_is_refused_by_what_it_is(client: object, kind: str) -> None:
    with pytest.raises(TypeError) as refused:
        named_clients(client)
    assert str(refused.value) == f"{kind} is no client of redis.asyncio."


def test_one_client_under_two_names_is_a_clear_error() -> None:
    one = ScriptedRedis()
    with pytest.raises(AlreadyInstrumented, match="under two names"):
        named_clients({"cache": one, "limits": one})


def test_clients_are_named_by_the_caller() -> None:
    one, other = ScriptedRedis(), ScriptedRedis()
    assert named_clients(None) == {}
    assert named_clients(one) == {"redis": one}
    assert named_clients({"cache": one, "limits": other}) == {"cache": one, "limits": other}
