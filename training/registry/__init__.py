"""Registering, the gate, promotion and rollback."""
