"""What is in quarantine, to fetch and to hear: why a file could not be used shows soonest in the file."""

import numpy as np

from soundmill.audio import open_audio, to_pcm16, wav_bytes
from soundmill.catalog import Catalog, Ledger
from soundmill.errors import NoAudio, UndecodableAudio
from soundmill.lake import Lake
from soundmill.workflows.dashboard import has_file


def quarantined_file(lake: Lake, catalog: Catalog, key: str) -> str:
    """Where in the lake the file of an item in quarantine lies. Raises `NoAudio` where there is no such item, or no file."""
    item = Ledger(catalog).known([key]).get(key)
    if item is None or item.state != "quarantined":
        raise NoAudio(f"nothing called {key} is in quarantine")
    if not has_file(item) or not lake.exists(key):
        raise NoAudio(f"no file was kept of {key}: {item.message or item.reason}")
    return key


def quarantined_sound(lake: Lake, catalog: Catalog, key: str, seconds: float) -> bytes:
    """As much of an item in quarantine as can be decoded, so many seconds at most, as a WAV. Raises `NoAudio`."""
    path = quarantined_file(lake, catalog, key)
    blocks, count, rate, why = [], 0, 0, "it holds no sample"
    try:
        with lake.local_file(path) as file, open_audio(file) as reader:
            rate = reader.info.sample_rate
            for block in reader.blocks():
                blocks.append(block.copy())
                count += len(block)
                if count >= seconds * rate:
                    break
    except UndecodableAudio as error:  # what came before is there
        why = str(error)
    if not count:
        raise NoAudio(f"there is nothing to hear in {key}: {why}")
    return wav_bytes(to_pcm16(np.concatenate(blocks)[: int(seconds * rate)]), rate)
