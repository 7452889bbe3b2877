"""Manifests that lhotse opens: recordings, supervisions and cuts as gzipped JSON lines.

Written without lhotse, whose import brings torch and seconds; a test has lhotse open and validate what is written here.
"""

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def recording(recording_id: str, path: str, samples: int, sample_rate: int) -> dict[str, Any]:
    """One mono file; `path` is relative to the lake: `RecordingSet.with_path_prefix` puts its root in front."""
    return {
        "id": recording_id,
        "sources": [{"type": "file", "channels": [0], "source": path}],
        "sampling_rate": sample_rate,
        "num_samples": samples,
        "duration": samples / sample_rate,
        "channel_ids": [0],
    }


def supervision(number: int, recording_id: str, start: float, end: float, speaker: str, **custom: Any) -> dict[str, Any]:
    """A span of speech, in seconds of its recording."""
    return {
        "id": f"{recording_id}-{number:05d}",
        "recording_id": recording_id,
        "start": round(start, 4),
        "duration": round(end - start, 4),
        "channel": 0,
        "speaker": speaker,
        **({"custom": custom} if custom else {}),
    }


def spoken(number: int, recording_id: str, words: Sequence[tuple[str, float, float, float]], speaker: str, **custom: Any) -> dict[str, Any]:
    """A span of speech with its text and its words, each with start, end and confidence, in seconds of its recording."""
    return {
        **supervision(number, recording_id, words[0][1], words[-1][2], speaker, **custom),
        "text": " ".join(word for word, *_ in words),
        "alignment": {"word": [[word, round(start, 4), round(end - start, 4), confidence] for word, start, end, confidence in words]},
    }


def cut(whole: Mapping[str, Any], supervisions: Sequence[Mapping[str, Any]], **custom: Any) -> dict[str, Any]:
    """A recording from its first sample to its last, with what is known of it."""
    return {
        "id": whole["id"],
        "start": 0.0,
        "duration": whole["duration"],
        "channel": 0,
        "supervisions": list(supervisions),
        "recording": dict(whole),
        **({"custom": custom} if custom else {}),
        "type": "MonoCut",
    }


def manifest(entries: Iterable[Mapping[str, Any]]) -> bytes:
    """Entries as the bytes of a `.jsonl.gz`; the same entries give the same bytes."""
    text = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
    return gzip.compress(text.encode(), mtime=0)
