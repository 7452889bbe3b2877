"""Annotations as an asset."""

from dataclasses import replace
from datetime import timedelta

import pyarrow.compute as pc

from soundmill.capture import SEGMENTS
from soundmill.catalog import Annotations
from soundmill.formats.annotation import Annotation
from tests.assets.graph import checks
from tests.conftest import wav
from tests.home import BEFORE_MODEL, DAYS, Home


def test_an_annotation_without_audio_is_reported(local_home: Home) -> None:
    local_home.land_day(DAYS[0])
    moment = replace(Annotations(local_home.catalog).of_days(DAYS[0], DAYS[0])[0], source="nowhere")
    Annotations(local_home.catalog).add([moment])
    local_home.run(*BEFORE_MODEL, days=DAYS[:1])
    assert checks(local_home)["annotations_have_audio"] is False


def test_annotations_over_midnight_are_cut_from_both_days(local_home: Home) -> None:
    from datetime import UTC, datetime

    start = datetime(2025, 1, 1, 23, 59, 58, tzinfo=UTC)
    local_home.lake.write_bytes("landing/mic/2025-01-01/20250101T235940Z.wav", wav(40.0))
    Annotations(local_home.catalog).add([Annotation("mic", start, start + timedelta(seconds=4), "late")])
    local_home.run("captured_segments", days=DAYS[:2])
    done = local_home.run("annotations", "annotation_features", days=DAYS[:1])
    assert done["annotation_features", "2025-01-01"]["sounds"] == 1
    assert checks(local_home)["annotations_have_audio"] is True
    assert len(local_home.lake.read_days(SEGMENTS, DAYS[1:2], where=pc.field("source") == "mic")) > 4
