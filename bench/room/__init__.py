"""How fast the watch room is, measured in Chromium and by bare readers of its stream, on a running stack."""
