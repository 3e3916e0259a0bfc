"""Hashed and classic linear models."""
