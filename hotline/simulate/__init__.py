"""``hotline simulate``: robot citizens and robot agents against the running hotline, and what became of every call."""
