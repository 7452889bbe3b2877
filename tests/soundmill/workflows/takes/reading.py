"""Prompt sets, and people who read them."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from soundmill.audio import read_samples, to_pcm16, wav_bytes
from soundmill.catalog import Catalog, Consent, Prompt, Prompts, Speaker, Speakers, Take
from soundmill.lake import Lake
from soundmill.prompts.spec import prompt_set_spec
from soundmill.workflows.takes import Sent, give_consent, receive_take

RATE = 16_000
_CLEAN = [
    "cards_005.wav",
    *(f"librivox_sense_0{one}.wav" for one in (870, 880, 890, 920, 930)),
    "cards_002.wav",
    "cards_003.wav",
    "cards_004.wav",
]


def prompt_set(catalog: Catalog, name: str = "digits", number: int = 5, entities: int = 0, **terms: Any) -> None:
    """A set of sentences `u0`, `u1`, ..., of so many entities in turn."""
    entity = [f"E{one % entities}" if entities else None for one in range(number)]
    sentences = [
        Prompt(f"u{one}", f"sentence number {one} of this set", entity[one], entity[one] and f"Thing {entity[one]}")
        for one in range(number)
    ]
    Prompts(catalog).define(name, prompt_set_spec({"order": "file", **terms}).model_dump(mode="json"), sentences)


def somebody(catalog: Catalog, name: str = "digits", purposes: tuple[str, ...] = ("train", "evaluate")) -> tuple[Speaker, Consent, str]:
    """A speaker who consented, and their secret."""
    speaker, secret = Speakers(catalog).add()
    return speaker, give_consent(catalog, speaker, name, purposes, of_age=True, given="page"), secret


def said(data: Path, number: int = 0) -> bytes:
    """A clean take, of another sentence for each of nine numbers, with another noise for each number: read speech with silence around."""
    name = _CLEAN[number % len(_CLEAN)]
    samples, _ = read_samples(data / "speech" / name, RATE)
    quiet = np.random.default_rng(number).normal(0, 2e-4, RATE // 4).astype(np.float32)
    return wav_bytes(to_pcm16(np.concatenate([quiet, samples, quiet])), RATE)


def read(
    lake: Lake, catalog: Catalog, data: Path, who: tuple[Speaker, Consent, str], utterance: str, number: int = 0, name: str = "digits"
) -> Take:
    """A take of a sentence by somebody."""
    return receive_take(lake, catalog, name, who[0], who[1], Sent(utterance, said(data, number)))


def found_anywhere(take: Take, *folders: Path) -> list[str]:
    """Files below folders in which a take's sound, its hashes, its key or its speaker occur, as bytes or compressed."""
    import gzip

    needles = [take.key.encode(), take.sha256.encode(), take.derived_sha256.encode(), take.speaker.encode()]
    found = []
    for folder in folders:
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            data = path.read_bytes()
            inside = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
            if any(needle in inside for needle in needles) or hashlib.sha256(data).hexdigest() in (take.sha256, take.derived_sha256):
                found.append(str(path.relative_to(folder)))
    return found


def metadata(lake: Lake, name: str = "digits") -> dict[str, Any]:
    """The original's metadata of a set."""
    found: dict[str, Any] = json.loads(lake.read_bytes(f"audio/takes/{name}/metadata.json"))
    return found
