"""What open pages are told: predictions and counters made into frames, encoded once for all readers."""
