"""The one place that wires real parts together, for the entry points `stream.app`, `api.app` and `cli`."""
