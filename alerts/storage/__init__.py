"""Redis: connections, keys, health."""
