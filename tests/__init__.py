"""The tests, in the folders of what they need: nothing (unit), real servers (integration), the whole (e2e)."""
