"""HTTP to strangers: allowed addresses, results, no secrets in messages."""
