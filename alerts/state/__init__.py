"""The states of alerts: lifecycle, silences, inhibition, the store in Redis."""
