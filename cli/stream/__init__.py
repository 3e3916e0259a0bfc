"""Commands about tweets, predictions, feedback and dead letters."""
