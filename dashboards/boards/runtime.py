"""The processes themselves: event loop, threads, garbage, CPU, memory, files."""

from dashboards.boards import foreign as f
from dashboards.boards.board import Dashboard, Section
from dashboards.boards.overview import LAG
from dashboards.boards.panels import (
    GREEN,
    RED,
    YELLOW,
    Ask,
    Column,
    Graph,
    Heatmap,
    Panel,
    Stat,
    Steps,
    Table,
)
from dashboards.boards.percentiles import percentiles
from dashboards.boards.promql import buckets, increase, rate, select, share, total
from observability import conventions as c

INSTANCE = ("instance",)
BY_INSTANCE = "{{instance}}"
MOST_CULPRITS = 10
FULL = Steps({0.7: YELLOW, 0.9: RED})


def board() -> Dashboard:
    return Dashboard(
        board="runtime",
        description="The processes: what blocks the event loop, and whether CPU, memory, threads and files last.",
        sections=(
            Section("What runs", processes()),
            Section("Event loop", loop()),
            Section("Resources", resources()),
            Section("Threads and garbage", threads()),
        ),
    )


def processes() -> tuple[Panel, ...]:
    return (
        Stat(
            title="Instances up",
            does="How many instances answer their scrapes. Fewer than you started: see which target is down under Telemetry health.",
            unit="short",
            asks=(Ask(f"sum ({select(f.UP)})", "up"),),
            steps=Steps({1: GREEN}, start=RED),
            see=("telemetry",),
        ),
        Stat(
            title="Youngest instance",
            does="Since when the instance that started last has run. Minutes, without a deploy: something restarts it; read its last "
            "words in the log.",
            unit="dtdurations",
            asks=(Ask(f"time() - max ({select(c.PROCESS_START_TIME)})", "up for"),),
            steps=Steps({300: GREEN}, start=YELLOW),
        ),
        Table(
            title="Versions",
            does="Which version runs where. More than one outside of a deploy is a rollout that got stuck.",
            unit="short",
            asks=(Ask(f"max by (job, instance, {c.VERSION}, {c.REVISION}) ({select(c.BUILD_INFO)})"),),
            columns=(
                Column(field="job", name="Job"),
                Column(field="instance", name="Instance"),
                Column(field=c.VERSION, name="Version"),
                Column(field=c.REVISION, name="Revision"),
            ),
            sorted_by="Job",
            width=16,
            height=5,
        ),
    )


def loop() -> tuple[Panel, ...]:
    culprits = increase(c.LOOP_BLOCKED, by=(c.CULPRIT,))
    return (
        Graph(
            title="Event loop lag",
            does="How late the event loop wakes: p99 above 50 ms is felt by every request of the process. The table names who did it.",
            unit="s",
            asks=percentiles(c.LOOP_LAG),
            steps=LAG,
            see=("requests",),
        ),
        Heatmap(
            title="Lags",
            does="How often the loop was how late. Single cells far up are blocks; a whole band that rises is a CPU that is full.",
            unit="s",
            asks=(Ask(buckets(c.LOOP_LAG), "{{le}}"),),
        ),
        Graph(
            title="Blocks",
            does="How often a second the loop stood still longer than the threshold. The stack is in the log and on the trace.",
            unit="ops",
            asks=(
                Ask(f"{rate(c.LOOP_BLOCKED, by=INSTANCE)} or 0 * {total(f.UP, by=INSTANCE)}", BY_INSTANCE),
            ),
            steps=Steps({0.1: RED}),
        ),
        Table(
            title="Who blocked the event loop",
            does="Functions that kept the loop busy within the time shown, and how often. Make them async, give them to a thread, or "
            "to a worker.",
            unit="short",
            asks=(Ask(f"topk({MOST_CULPRITS}, {culprits} > 0)"),),
            columns=(
                Column(field=c.CULPRIT, name="Culprit"),
                Column(field="Value", name="Times", unit="short"),
            ),
            sorted_by="Times",
            none="Nobody",
        ),
    )


def resources() -> tuple[Panel, ...]:
    return (
        Graph(
            title="CPU",
            does="Cores used by each instance. An API process uses one at most: near 1 add workers or replicas.",
            unit="short",
            asks=(Ask(rate(c.PROCESS_CPU, by=INSTANCE), BY_INSTANCE),),
            width=6,
        ),
        Graph(
            title="Memory",
            does="Resident and virtual memory of each instance. Resident memory that only rises is a leak; compare with a deploy.",
            unit="bytes",
            asks=(
                Ask(total(c.PROCESS_RESIDENT_MEMORY, by=INSTANCE), f"{BY_INSTANCE} resident"),
                Ask(total(c.PROCESS_VIRTUAL_MEMORY, by=INSTANCE), f"{BY_INSTANCE} virtual"),
            ),
            width=6,
        ),
        Graph(
            title="File descriptors",
            does="The share of the file descriptors allowed that are open. Sockets are most of them; at 100 % nothing connects any "
            "more.",
            unit="percentunit",
            asks=(
                Ask(
                    share(
                        total(c.PROCESS_OPEN_FDS, by=INSTANCE),
                        total(c.PROCESS_MAX_FDS, by=INSTANCE),
                        by=INSTANCE,
                    ),
                    BY_INSTANCE,
                ),
            ),
            steps=FULL,
            top=1,
            width=6,
        ),
        Graph(
            title="Open file descriptors",
            does="How many are open. A steady rise with steady traffic is a leak of connections.",
            unit="short",
            asks=(Ask(total(c.PROCESS_OPEN_FDS, by=INSTANCE), BY_INSTANCE),),
            width=6,
        ),
    )


def threads() -> tuple[Panel, ...]:
    busy, allowed = total(c.THREAD_POOL_BUSY, by=INSTANCE), total(c.THREAD_POOL_WORKERS, by=INSTANCE)
    return (
        Graph(
            title="Threads busy",
            does="The share of the threads for `def` endpoints and blocking calls that work now. Full: such calls queue; make them "
            "async.",
            unit="percentunit",
            asks=(Ask(share(busy, allowed, by=INSTANCE), BY_INSTANCE),),
            steps=FULL,
            top=1,
            width=6,
        ),
        Graph(
            title="Garbage collections",
            does="Runs of the garbage collector a second, by generation. Generation 2 stops the process longest.",
            unit="ops",
            asks=(Ask(rate(c.GC_COLLECTIONS, by=(c.GENERATION,)), f"{{{{{c.GENERATION}}}}}"),),
            width=6,
        ),
        Graph(
            title="Objects collected",
            does="Objects in cycles that the collector had to free, a second. A step after a deploy: a new cycle on a hot path.",
            unit="ops",
            asks=(Ask(rate(c.GC_COLLECTED, by=(c.GENERATION,)), f"{{{{{c.GENERATION}}}}}"),),
            width=6,
        ),
        Graph(
            title="Objects that cannot be freed",
            does="Objects that the collector found and could not free, a second. Anything above 0 is a leak in an extension.",
            unit="ops",
            asks=(Ask(rate(c.GC_UNCOLLECTABLE, by=(c.GENERATION,)), f"{{{{{c.GENERATION}}}}}"),),
            steps=Steps({0.001: RED}),
            width=6,
        ),
    )
