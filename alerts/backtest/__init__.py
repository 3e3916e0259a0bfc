"""The rules over recorded tweets, in the tweets' own time."""
