"""Where measurements run: servers, processes, contenders, their tweets."""
