"""Copies of this project for students and classroom platforms, and the results that those platforms read."""
