"""Reports to terminal and JUnit; pure functions."""
