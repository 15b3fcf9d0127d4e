"""Written from dashboards/slo.yaml by `make dashboards`; change it there."""

# Seconds that the latency objectives name: each is a bucket of the durations of requests.
LATENCY_THRESHOLDS = (0.05, 0.25)
