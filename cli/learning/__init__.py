"""Commands of the learning loop."""
