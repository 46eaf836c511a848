"""Many submissions of many people: found, graded in isolation, made into gradebooks; and copies of this project for students and platforms."""
