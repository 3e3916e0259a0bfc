"""A linear and a deep model as one: threshold, evidence, registration."""
