"""How the collection is treated: its days, its segments, its features."""

from datetime import UTC, datetime

import pytest

from resources import CollectionResource
from soundmill.errors import UnknownExtractor


def test_today_is_a_partition_while_it_lasts() -> None:
    keys = CollectionResource(start_date="2025-01-01").days.get_partition_keys()
    assert (keys[0], keys[-1]) == ("2025-01-01", f"{datetime.now(UTC):%Y-%m-%d}")


def test_segments_are_cut_as_the_settings_say() -> None:
    cut = CollectionResource(segment_rate=8000, segment_samples=24_000, gate_dbfs=None, channels="first").segmenter()
    assert (cut.sample_rate, cut.samples, cut.gate_dbfs, cut.channels) == (8000, 24_000, None, "first")


def test_an_extractor_is_made_by_name_or_refused() -> None:
    assert CollectionResource().extractor("loudest_frames").size == 514
    with pytest.raises(UnknownExtractor, match="mfcc"):
        CollectionResource().extractor("mfcc")
    assert CollectionResource(timezone="Europe/Berlin").zone.key == "Europe/Berlin"
