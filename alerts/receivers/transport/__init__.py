"""HTTP to receivers: allowed addresses, results, no secrets in messages."""
