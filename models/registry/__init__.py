"""Following the registry's champion."""
