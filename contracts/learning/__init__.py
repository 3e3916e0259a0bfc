"""What people judged, and the settings of the learning loop."""
