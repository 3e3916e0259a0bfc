"""Runs that can be stopped and resumed."""
