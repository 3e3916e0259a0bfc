"""Tweets and posts as the networks write them, read into one form."""
