"""The hashed linear model."""
