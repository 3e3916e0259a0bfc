"""Data sets, training, evaluation, registering and promotion of models."""
