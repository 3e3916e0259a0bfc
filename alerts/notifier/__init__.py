"""The process that delivers what the outbox holds."""
