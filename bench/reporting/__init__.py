"""Measurements as tables, Markdown, JSON and pictures."""
