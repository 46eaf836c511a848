"""Effective cores, trials, the speed-up rule. Knows nothing of exercises or pytest."""
