"""Pyflink."""
