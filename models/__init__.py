"""What a tweet says: text cleaning, sentiment models, watches and themes, masking, the champion."""
