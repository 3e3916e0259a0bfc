"""`buzzwatch doctor`: is every part there, and what to do if not."""
