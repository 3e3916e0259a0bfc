"""From changes of alert states to notifications: routing, grouping, the payload."""
