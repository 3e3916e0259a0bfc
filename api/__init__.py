"""The REST API: thin routes over the same model and state."""
