"""Is the model still right? Estimates without labels."""
