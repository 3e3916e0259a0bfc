"""Evaluating the rules of the file, and reading the file again when it changes."""
