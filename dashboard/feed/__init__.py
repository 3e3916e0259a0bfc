"""What open pages receive: predictions and counters made into frames, encoded once for all readers."""
