"""Kafka, Redis and MLflow as processes on this machine."""
