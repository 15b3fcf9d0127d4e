"""Alerts on what usually stands behind a broken promise: one for each pitfall, so that its culprit is named."""
