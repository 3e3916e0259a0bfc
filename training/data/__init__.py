"""Labelled tweets: reading, splitting, profiling."""
