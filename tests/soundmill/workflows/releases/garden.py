"""A closed round of half-minute sessions on two files of a garden and one of a yard: what releases are made of."""

from datetime import UTC, datetime, timedelta

import numpy as np

from soundmill.audio import to_pcm16, wav_bytes
from soundmill.capture import Segmenter, update_segments
from soundmill.catalog import Box, Catalog, Claim, Ledger, Rounds, RoundSession, Submission
from soundmill.lake import Lake

RATE = 11_025
MORNING = datetime(2026, 1, 5, 6, tzinfo=UTC)
DAY = MORNING.date()
HALF = timedelta(seconds=30)
GUIDE = Segmenter(sample_rate=RATE, samples=33_000)  # no whole number of microseconds
FILES = {("garden", 0): 1, ("garden", 60): 2, ("yard", 0): 3}  # source and minute, and the seed of its sound
OWL = {(1, 4.0), (2, 10.0), (4, 7.5), (6, 1.0)}  # number of a session, and second of an owl in it


def noise(seed: int, seconds: float = 60.0) -> np.ndarray:
    """Noise whose colour changes four times a second, so that no two stretches of it are alike."""
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(round(4 * seconds)):
        spectrum = np.fft.rfft(rng.normal(size=RATE // 4)) * np.repeat(rng.uniform(0.02, 1, 10), RATE // 80 + 1)[: RATE // 8 + 1]
        parts.append(np.fft.irfft(spectrum))
    sound = np.concatenate(parts)
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


def land(lake: Lake, catalog: Catalog, files: dict[tuple[str, int], np.ndarray]) -> None:
    """Files of a minute each, cut into segments."""
    for (source, minute), sound in files.items():
        start = MORNING + timedelta(minutes=minute)
        lake.write_bytes(f"landing/{source}/{DAY}/{start:%Y%m%dT%H%M%S}Z.wav", wav_bytes(to_pcm16(sound), RATE))
    update_segments(lake, Ledger(catalog), DAY, GUIDE, now=MORNING + timedelta(days=1))


def label(catalog: Catalog, name: str = "owls", tags: tuple[str, ...] = ("owl",), close: bool = True) -> Rounds:
    """A round of two sessions for each file, in which one person heard owls."""
    rounds = Rounds(catalog)
    rounds.define(name, {"tags": list(tags), "days": [str(DAY)], "guideline": "An owl hoots."})
    starts = [(source, MORNING + timedelta(minutes=minute) + half * HALF) for source, minute in FILES for half in (0, 1)]
    rounds.put(name, [RoundSession(name, n, source, start, start + HALF, "random") for n, (source, start) in enumerate(starts, 1)], None)
    rounds.set_state(name, "open")
    while claim := rounds.claim(name, "ann"):
        rounds.submit(claim, _heard(claim, tags[0]))
    if close:
        rounds.set_state(name, "closed")
    return rounds


def _heard(claim: Claim, tag: str) -> Submission:
    one = claim.session
    starts = [one.start + timedelta(seconds=second) for number, second in sorted(OWL) if number == one.number]
    boxes = tuple(Box(start, start + timedelta(seconds=2), tag, 300.0, 900.0) for start in starts)
    return Submission("ann", one.source, one.start, one.end, boxes)


def garden(lake: Lake, catalog: Catalog) -> None:
    """The sound, and the round."""
    land(lake, catalog, {place: noise(seed) for place, seed in FILES.items()})
    label(catalog)
