"""Proof of the learning loop on labelled tweets: months that pass in minutes."""
