"""PyFlink, in an environment of its own."""
