"""Retraining: from a snapshot of the labels to a registered challenger."""
