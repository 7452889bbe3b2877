"""Feature tables: only what is new is computed."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np

from soundmill.features.loudest_frames import LoudestFrames
from soundmill.features.pooled_spectral import PooledSpectral
from soundmill.features.store import AudioSpan, feature_table, update_features, vectors
from soundmill.lake import Lake
from tests.conftest import RATE, tone

DAY = date(2026, 1, 5)
START = datetime(2026, 1, 5, 12, tzinfo=UTC)


class Sounds:
    """Sounds by key, and how often each was read."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def __call__(self, span: AudioSpan) -> tuple[np.ndarray, int] | None:
        self.read.append(span.key)
        if span.key == "silent film":
            return None
        return (tone(1.0, 200 + 50 * len(span.key)) * 32_767).astype(np.int16), RATE


def spans(*keys: str) -> list[AudioSpan]:
    return [AudioSpan(key, "mic", START, f"content of {key}") for key in keys]


def test_only_new_and_changed_sounds_are_computed(lake: Lake) -> None:
    tool, sounds = LoudestFrames(), Sounds()
    table = feature_table("segment", tool)
    assert update_features(lake, table, DAY, spans("a", "bb"), tool, sounds).vectors == 42
    assert sounds.read == ["a", "bb"]
    assert not update_features(lake, table, DAY, spans("bb", "a"), tool, sounds).changed
    grown = update_features(lake, table, DAY, spans("a", "bb", "ccc"), tool, sounds)
    assert (grown.computed, grown.vectors) == (1, 63)
    changed = [replace(span, content="new") if span.key == "a" else span for span in spans("a", "ccc")]
    assert update_features(lake, table, DAY, changed, tool, sounds).vectors == 42
    assert sounds.read == ["a", "bb", "ccc", "a"]
    assert set(lake.read_days(table, [DAY])["key"].to_pylist()) == {"a", "ccc"}


def test_another_recipe_computes_everything_anew(folder_lake: Lake) -> None:
    sounds = Sounds()
    for tool in (LoudestFrames(), LoudestFrames(frames=7)):
        update_features(folder_lake, feature_table("segment", tool), DAY, spans("a", "bb"), tool, sounds)
    assert sounds.read == ["a", "bb"] * 2


def test_vectors_come_back_as_they_were_without_a_copy(folder_lake: Lake) -> None:
    tool = PooledSpectral()
    table = feature_table("segment", tool)
    update_features(folder_lake, table, DAY, spans("a"), tool, Sounds())
    found = vectors(folder_lake.read_days(table, [DAY]))
    samples, rate = Sounds()(spans("a")[0])  # type: ignore[misc]
    np.testing.assert_array_equal(found, tool(samples.astype(np.float32) / 32_768, rate))
    assert vectors(table.empty()).shape == (0, 1393)


def test_a_sound_without_audio_is_named_every_time(folder_lake: Lake) -> None:
    tool = PooledSpectral()
    for _ in range(2):
        result = update_features(folder_lake, feature_table("annotation", tool), DAY, spans("a", "silent film"), tool, Sounds())
        assert result.without_audio == ("silent film",)
        assert result.vectors == 1
