"""The Faust app, its instance name, health and garbage collection."""
