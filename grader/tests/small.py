"""The `exercise.toml` of small exercises that tests make up."""

from __future__ import annotations


def exercise_toml(function: str = "add", seconds: int = 10, points: str = "correctness = 100") -> str:
    return f"""title = "Small"
stars = 1
minutes = 1
concepts = []
prerequisites = []
needs = []
given = []
functions = ["{function}"]
seconds = {seconds}
hints = ["", "", ""]
[points]
{points}
"""
