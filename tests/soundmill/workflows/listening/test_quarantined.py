"""Files in quarantine: what can be heard of them is cut at a length, and what is none of them is not given away."""

import io
import wave
from datetime import date

import numpy as np
import pytest

from soundmill.audio import wav_bytes
from soundmill.catalog import Catalog, Item, Ledger
from soundmill.errors import NoAudio
from soundmill.lake import Lake
from soundmill.workflows.listening.quarantined import quarantined_file, quarantined_sound

DAY = date(2026, 1, 5)
KEY = f"landing/mic/{DAY}/20260105T100000Z.wav"


def test_a_long_file_is_heard_for_its_first_seconds(lake: Lake, catalog: Catalog) -> None:
    pcm = np.random.default_rng(0).integers(-9000, 9000, 160_000).astype(np.int16)
    lake.write_bytes(KEY, wav_bytes(pcm, 16_000))
    Ledger(catalog).record(Item(KEY, "recording", "mic", DAY, "quarantined", "1", DAY, reason="conflicting_start", message="twice"))
    with wave.open(io.BytesIO(quarantined_sound(lake, catalog, KEY, 2.5))) as file:
        np.testing.assert_allclose(np.frombuffer(file.readframes(40_000), "<i2"), pcm[:40_000], atol=1)
        assert file.getnframes() == 40_000


def test_a_file_that_is_gone_and_an_item_without_a_file_are_told_with_their_reason(lake: Lake, catalog: Catalog) -> None:
    Ledger(catalog).record(Item(KEY, "recording", "mic", DAY, "quarantined", "1", DAY, reason="vanished", message="it is gone"))
    Ledger(catalog).record(Item("downloads/7/agent", "download", "calls", DAY, "quarantined", "1", message="no route to host"))
    with pytest.raises(NoAudio, match="it is gone"):
        quarantined_file(lake, catalog, KEY)
    with pytest.raises(NoAudio, match="no route to host"):
        quarantined_file(lake, catalog, "downloads/7/agent")
