"""A crisis of two minutes at an airline, played on the real stack."""
