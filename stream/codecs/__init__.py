"""Bytes on topics to columns, and columns to bytes."""
