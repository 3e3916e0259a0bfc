"""The durable queue of notifications: claims, retries, redelivery."""
