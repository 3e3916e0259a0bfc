"""One program each: drains `tweets` into `tweets.scored` until it is ended. Configured by the BUZZWATCH_ variables."""
