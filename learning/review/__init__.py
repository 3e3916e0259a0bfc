"""The review queue: texts worth a person's minute."""
