"""Work that nobody waits for: does it start in time, end well, and keep up?"""

from dashboards.boards.board import Dashboard, Section
from dashboards.boards.panels import RED, YELLOW, Ask, Graph, Heatmap, Panel, Stat, Steps
from dashboards.boards.promql import buckets, count_rate, largest, percentile, share, sum_rate, total
from dashboards.slo.objectives import Objectives
from observability import conventions as c

BY_TASK = f"{{{{{c.TASK}}}}} {{{{{c.RUNNER}}}}}"
TASK_AND_STATE = f"{{{{{c.TASK}}}}} {{{{{c.STATE}}}}}"
TASK, STATE = (c.TASK, c.RUNNER), (c.TASK, c.STATE)
DEAD = f'{c.STATE}="dead"'


def board(objectives: Objectives) -> Dashboard:
    return Dashboard(
        board="background",
        description="Background tasks of the API (in_process) and durable jobs of the workers: duration, outcome, delay and queue.",
        sections=(
            Section("Do they end well?", outcomes()),
            Section("Do they start in time?", delays(objectives)),
            Section("Does the queue keep up?", queue()),
        ),
    )


def outcomes() -> tuple[Panel, ...]:
    every = count_rate(c.TASK_DURATION, by=TASK)
    failed = count_rate(c.TASK_DURATION, f'{c.OUTCOME}="failed"', by=TASK)
    return (
        Graph(
            title="Ends by outcome",
            does="Tasks a second that succeeded, failed, will be retried, or were cancelled. Retries that grow are a dependency that "
            "is away: e-mail, a webhook's receiver, PostgreSQL.",
            unit="ops",
            asks=(Ask(count_rate(c.TASK_DURATION, by=(c.OUTCOME,)), f"{{{{{c.OUTCOME}}}}}"),),
            is_stacked=True,
        ),
        Graph(
            title="Failures",
            does="The share of each task that failed for good. Its log line has the error, and its trace the request that asked "
            "for it.",
            unit="percentunit",
            asks=(Ask(share(failed, every, by=TASK), BY_TASK),),
            steps=Steps({0.01: YELLOW, 0.05: RED}),
        ),
        Graph(
            title="Retries",
            does="Attempts a second that failed and will be tried again. They cost nobody anything yet; they turn into failures if "
            "the cause stays.",
            unit="ops",
            asks=(
                Ask(
                    count_rate(c.TASK_DURATION, f'{c.OUTCOME}="retried"', by=TASK) + f" or 0 * {every}",
                    BY_TASK,
                ),
            ),
        ),
        Graph(
            title="Duration, p95",
            does="How long 95 % of each task took at most. In-process tasks share the event loop with requests: what takes long "
            "belongs to the workers.",
            unit="s",
            asks=(Ask(percentile(95, c.TASK_DURATION, by=TASK), BY_TASK),),
            steps=Steps({5: YELLOW, 30: RED}),
            width=12,
        ),
        Graph(
            title="In progress",
            does="Tasks that run now. A task that stays here and never ends holds a place of its worker.",
            unit="short",
            asks=(Ask(total(c.TASKS_IN_PROGRESS, by=TASK), BY_TASK),),
            width=6,
        ),
        Graph(
            title="Time spent",
            does="Seconds of work done each second: how many of a task run at once on average. Near the concurrency of the workers, "
            "add workers.",
            unit="short",
            asks=(Ask(sum_rate(c.TASK_DURATION, by=TASK), BY_TASK),),
            see=("runtime",),
            width=6,
        ),
    )


def delays(objectives: Objectives) -> tuple[Panel, ...]:
    bounds = [each.threshold_seconds for each in objectives.objectives if each.kind == "freshness"]
    steps = Steps({bound: RED for bound in bounds if bound is not None})
    return (
        Graph(
            title="Delay, p95",
            does="How long 95 % of each task waited at most, from the commit or the end of the response to its start. Above the line "
            "the freshness objective breaks: add workers, or find the task that holds them.",
            unit="s",
            asks=(Ask(percentile(95, c.TASK_QUEUE_DELAY, by=TASK), BY_TASK),),
            steps=steps,
            see=("slo",),
            width=12,
        ),
        Heatmap(
            title="Delays",
            does="How many tasks waited how long. A band that rises is a queue that does not keep up.",
            unit="s",
            asks=(Ask(buckets(c.TASK_QUEUE_DELAY), "{{le}}"),),
            width=12,
        ),
    )


def queue() -> tuple[Panel, ...]:
    return (
        Graph(
            title="Depth",
            does="Jobs in the queue by task and state, as the queue itself says. Growing: more comes than the workers can do, or no "
            "worker runs.",
            unit="short",
            asks=(Ask(largest(c.QUEUE_DEPTH, by=STATE), TASK_AND_STATE),),
            steps=Steps({1000: YELLOW, 10000: RED}),
            width=10,
        ),
        Graph(
            title="Age of the oldest job",
            does="How long the oldest job of each state has been there. It grows by a second a second while nobody works: see whether "
            "a worker is up.",
            unit="s",
            asks=(Ask(largest(c.QUEUE_OLDEST_AGE, by=STATE), TASK_AND_STATE),),
            steps=Steps({30: YELLOW, 300: RED}),
            see=("telemetry",),
            width=10,
        ),
        Stat(
            title="Dead jobs",
            does="Jobs that failed for good and wait for a person: read why, repair, and put them back or delete them.",
            unit="short",
            asks=(Ask(f"sum ({largest(c.QUEUE_DEPTH, DEAD, by=(c.TASK,))}) or vector(0)"),),
            steps=Steps({1: YELLOW, 10: RED}),
            height=8,
        ),
    )
