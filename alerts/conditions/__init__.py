"""What each kind of rule looks at: from counters and judgements in Redis to findings, by the pure detectors."""
