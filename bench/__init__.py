"""Benchmarks: buzzwatch beside its peers, on the same broker, topic and champion. Run by `buzzwatch bench`."""
