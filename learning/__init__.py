"""The learning loop: labels, review, retraining, shadow and canary, reports."""
