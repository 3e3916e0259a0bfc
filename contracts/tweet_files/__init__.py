"""Tweets in files: one reader for all commands that take a file."""
