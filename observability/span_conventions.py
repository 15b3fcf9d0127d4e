"""Every name that spans show to the outside, once: attributes and events."""

# https://opentelemetry.io/docs/specs/semconv/registry/attributes/
ROUTE = "http.route"
ERROR_TYPE = "error.type"
DB_SYSTEM = "db.system.name"
DB_NAMESPACE = "db.namespace"
DB_OPERATION = "db.operation.name"
DB_COLLECTION = "db.collection.name"
DB_STATEMENT = "db.query.text"
DB_ROWS = "db.response.returned_rows"
DB_BATCH = "db.operation.batch.size"
POOL = "db.client.connection.pool.name"
SERVER = "server.address"
PORT = "server.port"
METHOD = "http.request.method"
STATUS = "http.response.status_code"
URL = "url.full"
QUERY = "url.query"
MESSAGING_OPERATION = "messaging.operation.type"
MESSAGING_DESTINATION = "messaging.destination.name"
MESSAGE = "messaging.message.id"
# Of our own
CACHE = "cache.name"
CACHE_RESULT = "cache.result"
TASK = "task.name"
TASK_OUTCOME = "task.outcome"
TASK_ATTEMPT = "task.attempt"
TASK_QUEUE_DELAY = "task.queue_delay"  # seconds
OMITTED = "spans.omitted"
CULPRIT = "event_loop.culprit"
CULPRIT_STACK = "code.stacktrace"

# Events of spans
LOOP_BLOCKED_EVENT = "event_loop.blocked"

ATTRIBUTES: dict[str, str] = {
    ROUTE: "template of the route; not there without one",
    ERROR_TYPE: "class of the error of a call; the status code of a failed response",
    DB_SYSTEM: "as the label `db_system_name`",
    DB_NAMESPACE: "name of the database",
    DB_OPERATION: "as the label `db_operation_name`",
    DB_COLLECTION: "table of a statement that begins plainly with one",
    DB_STATEMENT: "the statement with its placeholders, or the commands of a pipeline; never a value",
    DB_ROWS: "rows that the statement affected or returned, where the driver says so",
    DB_BATCH: "commands in a pipeline",
    POOL: "as the label `db_client_connection_pool_name`",
    SERVER: "host that was called",
    PORT: "its port",
    METHOD: "method of the request",
    STATUS: "status code of the response",
    URL: "address that was called, without credentials, query and fragment",
    MESSAGING_OPERATION: "`send` where a job is enqueued, `process` where it runs",
    MESSAGING_DESTINATION: "name of the job",
    MESSAGE: "id of the job",
    QUERY: "query of the request; what looks like a secret by its name reads `[redacted]`",
    CACHE: "name of the cache",
    CACHE_RESULT: "as the label `result`",
    TASK: "as the label `task`",
    TASK_OUTCOME: "how it ended, as the label `outcome` of background tasks",
    TASK_ATTEMPT: "which run of the job this is, from 1",
    TASK_QUEUE_DELAY: "seconds from enqueueing (or the end of the response) to the start",
    OMITTED: "spans of the request that were not kept: it made too many calls",
    CULPRIT: "`module:function` that kept the event loop busy meanwhile",
    CULPRIT_STACK: "where it was running, innermost function first",
}
