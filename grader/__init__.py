"""A grader for exercises on threads, processes and asyncio. The map of this package is in README.md."""
