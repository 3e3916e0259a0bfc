"""Words, vectors and batches for networks."""
