"""Commands about the whole stack: up, demo, doctor, bench."""
