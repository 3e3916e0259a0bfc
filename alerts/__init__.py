"""Counters, pure rules, alert state, outbox and delivery."""
