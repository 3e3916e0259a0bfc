"""What every model shares: the protocol, artefacts, compiled code, the smoke test."""
