"""Delivery of notifications: one module per kind of receiver."""
