"""Ingesting ten thousand files as recorders leave them: whether each is read, as long as ffmpeg has it, and dated by its name."""

import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import DATA
from soundmill.audio import seconds_of
from soundmill.capture import land
from soundmill.errors import UndecodableAudio
from soundmill.lake import open_lake

FILES = 10_000
_BEGAN = datetime(2024, 3, 5, 6, 7, 8, tzinfo=UTC)
_SPACING = timedelta(minutes=7)
_NAMES = ("{:%Y%m%dT%H%M%S}Z", "{:%Y%m%d_%H%M%S}", "SITE7_{:%Y-%m-%d_%H-%M-%S}", "rec {:%Y-%m-%d %H.%M.%S}", "{:%Y%m%d%H%M%S}", "{ms}")
_KINDS = {
    "wav": "", "flac": "", "mp3": "-b:a 96k", "ogg": "-c:a libvorbis -q:a 4", "opus": "-ar 48000 -b:a 48k", "m4a": "-c:a aac -b:a 96k",
    "aiff": "", "au": "", "caf": "", "w64": "", "wma": "", "webm": "-c:a libopus -ar 48000",
}  # fmt: skip
_MONO = ("-map", "0:a", "-ac", "1")
_HEADER = ("as it is", "44 too large", "streamed", "cut")  # what a recorder's WAV is like
_RATE = 48_000


def lines() -> Iterator[str]:
    """Every collection of the test data, in twelve containers and with WAV headers that lie, until there are ten thousand files."""
    if shutil.which("ffmpeg") is None:
        raise SystemExit("bench ingest compares with ffmpeg, which is not installed (Debian: apt-get install ffmpeg)")
    with TemporaryDirectory(prefix="soundmill-bench-") as name:
        card = Path(name) / "card"
        card.mkdir()
        truth = dict(islice(_card(card), FILES))
        lake, dated, missed = open_lake(f"{name}/lake"), Counter[str](), []
        began = time.perf_counter()
        for file, moment in truth.items():
            try:
                landed = land(lake, file, "card")
            except (UndecodableAudio, OSError, ValueError) as error:
                missed.append(f"{file.name}: {error}")
                continue
            dated[landed.known_by if abs(landed.began - moment) < timedelta(seconds=1) else "wrong"] += 1
        took = time.perf_counter() - began
        yield f"ingest of {len(truth)} files: {1000 * took / len(truth):.2f} ms each, {len(missed)} refused; start known by {dict(dated)}"
        ours, peer, differing, refused = 0.0, 0.0, [], []
        for file in truth:
            before = time.perf_counter()
            try:
                seconds = seconds_of(file)
            except UndecodableAudio as error:
                seconds = None
                why = str(error)
            ours += time.perf_counter() - before
            before = time.perf_counter()
            wanted = _ffmpeg(file)
            peer += time.perf_counter() - before
            if wanted and seconds is None:
                refused.append(f"{file.name}: {why}")
            elif wanted and seconds is not None and abs(seconds - wanted) > max(0.01 * wanted, 0.03):
                differing.append(f"{file.name}: {seconds:.3f} s, ffmpeg {wanted:.3f} s")
        yield f"lengths: {1000 * ours / len(truth):.2f} ms each, ffmpeg {1000 * peer / len(truth):.2f} ms ({peer / ours:.1f} x)"
        yield f"ffmpeg reads and we refuse: {len(refused)}; lengths that differ by more than 1 %: {len(differing)}  " + (
            "ok" if not refused and not differing and dated == {"name": len(truth)} else "SHORT"
        )
        yield from ("  " + line for line in [*missed[:10], *refused[:20], *differing[:20]])


def _card(folder: Path) -> Iterator[tuple[Path, datetime]]:
    """Files of the collections, each under a name that tells when it began."""
    places, names, headers = count(), cycle(_NAMES), cycle(_HEADER)
    originals = sorted(path for path in DATA.rglob("*") if path.suffix in {".wav", ".ogg", ".flac", ".mp3", ".opus"})
    while True:
        for original in originals:
            base = folder / "made"
            outputs = [part for kind, options in _KINDS.items() for part in (*_MONO, *options.split(), f"{base}.{kind}")]
            subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(original), *outputs], check=True)
            for kind in _KINDS:
                moment = _BEGAN + next(places) * _SPACING
                named = next(names).format(moment, ms=int(moment.timestamp() * 1000))
                path = folder / f"{named}.{kind}"
                data = Path(f"{base}.{kind}").read_bytes()
                path.write_bytes(_as_recorded(data, next(headers)) if kind == "wav" else data)
                Path(f"{base}.{kind}").unlink()
                yield path, moment


def _as_recorded(wav: bytes, how: str) -> bytes:
    """A WAV with a header that is a little wrong, or that lost its end."""
    at = wav.index(b"data") + 4
    size = int.from_bytes(wav[at : at + 4], "little")
    if how == "44 too large":
        return wav[:at] + (size + 44).to_bytes(4, "little") + wav[at + 4 :]
    if how == "streamed":
        return wav[:4] + b"\xff" * 4 + wav[8:at] + b"\xff" * 4 + wav[at + 4 :]
    return wav[: at + 4 + size * 3 // 4 // 2 * 2] if how == "cut" else wav


def _ffmpeg(file: Path) -> float | None:
    """Seconds that ffmpeg decodes; None where it reads nothing."""
    command = ["ffmpeg", "-nostdin", "-v", "quiet", "-i", str(file), "-map", "0:a:0", "-ac", "1", "-ar", str(_RATE), "-f", "s16le", "-"]
    return len(subprocess.run(command, capture_output=True).stdout) / 2 / _RATE or None
