"""RTTM, the field's format for who spoke when (NIST Rich Transcription): one line for each turn of speech."""

import re
from collections.abc import Iterable


def rttm_lines(file_id: str, speaker: str, turns: Iterable[tuple[float, float]]) -> list[str]:
    """SPEAKER lines for turns given as (start, end) in seconds; blanks in names become underscores, as the format has none."""
    name, who = without_blanks(file_id), without_blanks(speaker)
    return [f"SPEAKER {name} 1 {start:.3f} {end - start:.3f} <NA> <NA> {who} <NA> <NA>" for start, end in turns]


def without_blanks(text: str) -> str:
    """Text with underscores for blanks."""
    return re.sub(r"\s+", "_", text)
