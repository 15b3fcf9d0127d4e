"""Names on our boards that the service does not expose: recorded rules, Prometheus's own, and the exporters'.

Each is listed with the labels that queries may use, so that a misspelt one is noticed.
"""

from dashboards.slo.windows import WINDOWS
from observability.conventions import Metric

# Sloth's names and labels: https://sloth.dev/introduction/architecture/
SLO = "sloth_slo"
_SLO_LABELS = ("sloth_id", "sloth_service", SLO)


def _recorded(name: str, documentation: str) -> Metric:
    return Metric(name, "gauge", documentation, _SLO_LABELS)


SLO_OBJECTIVE = _recorded("slo:objective:ratio", "The share of events that has to be good")
SLO_BUDGET = _recorded("slo:error_budget:ratio", "The share of events that may be bad")
SLO_PERIOD_DAYS = _recorded("slo:time_period:days", "The days over which the objective holds")
SLO_BURN_NOW = _recorded("slo:current_burn_rate:ratio", "How many times too fast the budget is spent now")
SLO_BURN_PERIOD = _recorded("slo:period_burn_rate:ratio", "The share of the budget that the period has spent")
SLO_BUDGET_LEFT = _recorded("slo:period_error_budget_remaining:ratio", "The share of the budget that is left")
SLO_BAD_PERIOD = _recorded("slo:period_bad_events:count", "Bad events of the period")
SLO_BAD_5M = _recorded("slo:sli_bad:rate5m", "Bad events a second")
SLO_TOTAL_5M = _recorded("slo:sli_total:rate5m", "Events a second")
SLO_ERRORS = {
    window: _recorded(f"slo:sli_error:ratio_rate{window}", f"The share of bad events in {window}")
    for window in WINDOWS
}

# https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
ALERTS = Metric("ALERTS", "gauge", "Alerts pending and firing", ("alertname", "alertstate", "severity", SLO))
# The Watchdog always fires: its silence is the news, and Alertmanager's receiver hears that.
FIRING_ALERTS = 'ALERTS{alertstate="firing", alertname!="Watchdog"}'
UP = Metric("up", "gauge", "1 while the target answers")
SCRAPE_SECONDS = Metric("scrape_duration_seconds", "gauge", "How long the last scrape of the target took")
SCRAPE_SAMPLES = Metric(
    "scrape_samples_post_metric_relabeling", "gauge", "Samples of the last scrape that were kept"
)


def _gauge(name: str, *labels: str) -> Metric:
    return Metric(name, "gauge", "", labels)


def _counter(name: str, *labels: str) -> Metric:
    return Metric(name, "counter", "", labels)


# Prometheus about itself
RULE_GROUP_SECONDS = _gauge("prometheus_rule_group_last_duration_seconds", "rule_group")
RULE_GROUP_INTERVAL = _gauge("prometheus_rule_group_interval_seconds", "rule_group")
RULE_FAILURES = _counter("prometheus_rule_evaluation_failures_total", "rule_group")
HEAD_SERIES = _gauge("prometheus_tsdb_head_series")

# https://github.com/prometheus-community/postgres_exporter
PG_UP = _gauge("pg_up")
PG_BACKENDS = _gauge("pg_stat_database_numbackends", "datname")
PG_MAX_CONNECTIONS = _gauge("pg_settings_max_connections")
PG_COMMITS = _counter("pg_stat_database_xact_commit", "datname")
PG_ROLLBACKS = _counter("pg_stat_database_xact_rollback", "datname")
PG_BLOCKS_HIT = _counter("pg_stat_database_blks_hit", "datname")
PG_BLOCKS_READ = _counter("pg_stat_database_blks_read", "datname")
PG_DEADLOCKS = _counter("pg_stat_database_deadlocks", "datname")
PG_SIZE = _gauge("pg_database_size_bytes", "datname")

# https://github.com/oliver006/redis_exporter
REDIS_UP = _gauge("redis_up")
REDIS_CLIENTS = _gauge("redis_connected_clients")
REDIS_MEMORY = _gauge("redis_memory_used_bytes")
REDIS_MAX_MEMORY = _gauge("redis_memory_max_bytes")
REDIS_COMMANDS = _counter("redis_commands_processed_total")
REDIS_EVICTED = _counter("redis_evicted_keys_total")

EXPORTERS: tuple[Metric, ...] = tuple(
    value
    for name, value in list(globals().items())
    if isinstance(value, Metric) and name.startswith(("PG_", "REDIS_"))
)
FOREIGN: tuple[Metric, ...] = (
    *(value for value in list(globals().values()) if isinstance(value, Metric)),
    *SLO_ERRORS.values(),
)
