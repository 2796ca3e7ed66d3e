"""What is kept of a run, so that it can be found, trusted and repeated."""
