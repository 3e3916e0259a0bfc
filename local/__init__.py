"""Real servers on this machine: Kafka, Redis and MLflow, for `buzzwatch up` and the integration tests."""
