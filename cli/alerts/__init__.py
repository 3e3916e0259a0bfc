"""`buzzwatch alerts` and `buzzwatch notifier`."""
