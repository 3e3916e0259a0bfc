"""The ground floor: event schemas, topics, settings, rules and errors.

No I/O beyond reading what people hand over: the rules file and files of tweets.
"""
