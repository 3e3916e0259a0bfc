"""From predictions and feedback to counters and rules."""
