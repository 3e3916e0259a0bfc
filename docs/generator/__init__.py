"""Pages that are written from the code, one module for each."""
