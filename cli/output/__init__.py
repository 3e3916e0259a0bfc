"""What commands print, and what they need to run."""
