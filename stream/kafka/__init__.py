"""Consumers, producers, headers, topics."""
