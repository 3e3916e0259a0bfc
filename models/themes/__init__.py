"""What is felt about each theme of a tweet."""
