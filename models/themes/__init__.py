"""What is felt about each theme of a tweet; the terms of themes are in `alerts/default_rules.yaml`."""
