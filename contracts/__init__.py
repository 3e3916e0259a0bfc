"""The ground floor: event schemas, topics, settings, rules and errors. No I/O beyond reading the rules file."""
