"""Written from dashboards/slo.yaml by `make dashboards`; change it there."""

# Seconds that the latency objectives name: each is a bucket of the durations of requests.
LATENCY_THRESHOLDS = (0.05, 0.25)
# Those of the routes that have an objective of their own.
ROUTE_THRESHOLDS = {
    "/products": 0.05,
    "/products/{product_id}": 0.05,
}
