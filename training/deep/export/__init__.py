"""From a trained network to what is served."""
