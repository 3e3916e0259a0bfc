"""The rules file: its schema, and what is wrong with it, line by line."""
