"""Starts, limits, watches and ends a submission's processes; the wire between judge and submission."""
