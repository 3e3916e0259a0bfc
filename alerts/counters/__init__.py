"""What is counted in Redis: written once per record, read by windows, minutes and hours."""
