"""Local servers and scripted collaborators that checks use."""
