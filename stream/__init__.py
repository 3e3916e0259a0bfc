"""The Faust worker: batches from Kafka to predictions, counters and judgements."""
