"""The `buzzwatch` command: thin, one file per command group."""
