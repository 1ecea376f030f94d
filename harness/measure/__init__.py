"""Cost by counting, latency by timing."""
