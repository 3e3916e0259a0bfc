"""Reports for people: what a day was like."""
