"""Labels: what people said about texts, and what holds of it."""
