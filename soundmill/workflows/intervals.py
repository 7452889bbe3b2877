"""What a source recorded between two moments, as one file of any length, with its gaps as silence and as labels."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from soundmill.capture import SEGMENTS, Timeline
from soundmill.errors import InputRefused, NoAudio
from soundmill.lake import Lake
from soundmill.times import days_between

FORMATS = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS")}
_MACROSEGMENT = 5  # segments
_LARGEST_WAV = 0xFFFF_0000  # bytes


@dataclass(frozen=True)
class Interval:
    """A file that was written: its start, length and rate, the gaps in it (from and to, in seconds of the file), and the label file that
    marks them; None where there are none."""

    file: Path
    start: datetime
    seconds: float
    sample_rate: int
    gaps: tuple[tuple[float, float], ...]
    labels: Path | None

    @property
    def missing(self) -> float:
        """Seconds of all gaps."""
        return sum(stop - begin for begin, stop in self.gaps)


def write_interval(lake: Lake, source: str, start: datetime, end: datetime, out: Path) -> Interval:
    """Writes a source's sound from start to end to `out`: WAV, FLAC or Ogg Vorbis by its ending; a WAV of more than 4 GB as RF64.

    Raises `InputRefused` for another ending, `NoAudio` where there is no sound at all, `OSError` where the file cannot be written.
    """
    import soundfile as sf

    if out.suffix.lower() not in FORMATS:
        raise InputRefused(f"{out.name!r} ends in none of {', '.join(FORMATS)}")
    segments = lake.read_days(SEGMENTS, days_between((start - timedelta(days=1)).date(), end.date()))
    rate, pieces = Timeline(lake, segments).pieces(source, start, end)
    kind, subtype = FORMATS[out.suffix.lower()]
    if kind == "WAV" and (end - start).total_seconds() * rate * 2 > _LARGEST_WAV:
        kind = "RF64"
    gaps: list[tuple[float, float]] = []
    written = 0
    aside = out.with_name(out.name + ".partial")
    try:
        with sf.SoundFile(aside, "w", rate, 1, format=kind, subtype=subtype) as file:
            for samples, has_sound in pieces:
                for at in range(0, len(samples), rate):  # libsndfile's Vorbis encoder overflows on long writes
                    file.write(samples[at : at + rate])
                if not has_sound:
                    begin, stop = written / rate, (written + len(samples)) / rate
                    if gaps and gaps[-1][1] == begin:
                        begin = gaps.pop()[0]
                    gaps.append((begin, stop))
                written += len(samples)
        os.replace(aside, out)
    except (OSError, sf.SoundFileError) as error:
        aside.unlink(missing_ok=True)
        raise OSError(f"{out} cannot be written: {error}") from None
    labels = out.with_name(out.name + ".gaps.txt")
    labels.unlink(missing_ok=True)
    if gaps:
        labels.write_text("".join(f"{begin:.6f}\t{stop:.6f}\tmissing\n" for begin, stop in gaps))
    return Interval(out, start, written / rate, rate, tuple(gaps), labels if gaps else None)


def macrosegment(lake: Lake, source: str, moment: datetime) -> tuple[datetime, datetime]:
    """From two and a half segments before the middle of the segment around a moment to two and a half after it. Raises `NoAudio`."""
    days = [(moment - timedelta(days=1)).date(), moment.date()]
    rows = lake.read_days(SEGMENTS, days, columns=["source", "started_at", "seconds"]).to_pylist()
    before = [row for row in rows if row["source"] == source and row["started_at"] <= moment]
    segment = max(before, key=lambda row: row["started_at"], default=None)
    if segment is None or segment["started_at"] + timedelta(seconds=segment["seconds"]) <= moment:
        raise NoAudio(f"{source} has no segment at {moment:%Y-%m-%d %H:%M:%S} UTC")
    length = timedelta(seconds=segment["seconds"])
    return segment["started_at"] - (_MACROSEGMENT // 2) * length, segment["started_at"] + (_MACROSEGMENT // 2 + 1) * length
