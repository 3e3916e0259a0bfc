"""Estimates of accuracy without labels by others, beside ours."""
