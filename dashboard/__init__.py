"""The watch room: pages rendered by the server and one stream of events."""
