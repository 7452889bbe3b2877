"""Releases where subjects meet: made from what rounds came to and the sound of it, taken to other tools, and what is withdrawn from them.

Here belongs what needs lake and catalog together. What one is made of is pure, and lies in `releases/`.
"""

from soundmill.workflows.releases.exports import export_file, export_names, export_release
from soundmill.workflows.releases.making import NO_RELEASE, Made, define_release, make_release
from soundmill.workflows.releases.reading import compare, inspect, opened
from soundmill.workflows.releases.withdrawal import withdraw_clips

__all__ = [
    "NO_RELEASE",
    "Made",
    "compare",
    "define_release",
    "export_file",
    "export_names",
    "export_release",
    "inspect",
    "make_release",
    "opened",
    "withdraw_clips",
]
