"""Others that serve the champion over HTTP, and the crowd that asks."""
