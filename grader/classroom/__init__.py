"""Many submissions of many people: found, graded in isolation, and made into gradebooks."""
