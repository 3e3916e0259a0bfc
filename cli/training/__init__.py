"""Commands that train, evaluate and promote."""
