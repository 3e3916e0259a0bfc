"""Shadow and canary: a challenger beside the champion, and what is made of it."""
