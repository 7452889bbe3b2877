"""Takes where subjects meet: taken in with their verdict, heard by a recogniser, as a day's table, and as the original recorder had them.

Here belongs what needs lake and catalog together. What a set is, and how good a take, is `prompts/`; erasure is `workflows/erasure.py`.
"""

from soundmill.workflows.takes.intake import MOST_BYTES, STALE, Sent, give_consent, receive_take, speaker_for
from soundmill.workflows.takes.original import METADATA, RECORDINGS, export_original, write_original
from soundmill.workflows.takes.table import PROMPTED_TAKES, update_takes

__all__ = [
    "METADATA",
    "MOST_BYTES",
    "PROMPTED_TAKES",
    "RECORDINGS",
    "STALE",
    "Sent",
    "export_original",
    "give_consent",
    "receive_take",
    "speaker_for",
    "update_takes",
    "write_original",
]
