"""What this is, for everybody who asks a process of it."""

SERVICE_NAME = "glasshouse"
VERSION = "0.1.0"
