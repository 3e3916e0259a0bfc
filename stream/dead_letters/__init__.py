"""Records that could not be read: written, listed, replayed."""
