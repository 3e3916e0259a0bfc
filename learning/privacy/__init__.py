"""What the law asks for: everything that is kept about a person or a tweet is found and erased."""
