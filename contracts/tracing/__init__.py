"""The way of a tweet as an OpenTelemetry trace: contexts as text, and spans where tracing is on."""
