"""One pure rule kind per file: counts or judgements in, verdict out; no clock, no Redis."""
