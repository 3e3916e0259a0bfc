"""From tweets to predictions, one transaction per batch."""
