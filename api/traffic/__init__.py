"""What holds for every request: its name, and how many are answered at once."""
