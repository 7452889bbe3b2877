"""Annotations as the original's annotator reads and changes them."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from soundmill.catalog import Annotations
from soundmill.formats.annotation import Annotation
from soundmill.studio.api.osr.words import written
from tests.home import DAYS, Home
from tests.soundmill.studio.api.osr.client import Client, osr

UTC = ZoneInfo("UTC")
SAMPLES = 132_352


@pytest.fixture
def client(built_home: Home, tmp_path: Path) -> Iterator[Client]:
    with osr(built_home, tmp_path) as client:
        yield client


def test_three_tags_have_the_original_s_colours(client: Client) -> None:
    found = client("/annotator/tags")
    assert [tag["value"] for tag in found["tags"]] == ["doorbell", "kettle", "knocking"]
    assert found["colors"] == [[0, 0, 102.4], [98.4, 204.0, 98.4], [102.4, 0, 0]]


def test_underscores_are_blanks_in_labels_and_one_tag_has_a_colour(tmp_path: Path, built_home: Home) -> None:
    with osr(built_home, tmp_path) as client:
        day = DAYS[0]
        start = Annotations(built_home.catalog).of_days(day, day)[0].start
        Annotations(built_home.catalog).add([Annotation("mic", start, start + timedelta(seconds=1), "night_bird", "ann")])
        assert {"label": "night bird", "value": "night_bird"} in client("/annotator/tags")["tags"]


def test_annotations_are_told_all_by_day_and_around_a_moment(client: Client, built_home: Home) -> None:
    labels = Annotations(built_home.catalog).of_days(DAYS[0], DAYS[2])
    every = client("/annotator/data/annots")
    assert len(every) == len(labels)
    by_day = client("/annotator/data/annots/groupByDay")
    assert {day: len(rows) for day, rows in by_day.items()} == {str(day): sum(one.day == day for one in labels) for day in DAYS}
    assert client(f"/annotator/data/annots/day/{DAYS[1]}") == by_day[str(DAYS[1])]
    one = labels[0]
    around = client(f"/annotator/data/annots/macroseg/{written(one.start, UTC).replace(' ', '_')}")
    mine = next(row for row in around if row["datetime_start"] == written(one.start, UTC))
    assert (mine["samp_end"] - mine["samp_start"]) / 44_100 == pytest.approx((one.end - one.start).total_seconds(), abs=0.001)
    assert 0 <= mine["samp_start"] <= 5 * SAMPLES


def test_what_is_inserted_is_there_and_goes_again_by_its_first_sample(client: Client, built_home: Home) -> None:
    at = written(Annotations(built_home.catalog).of_days(DAYS[0], DAYS[0])[0].start, UTC).replace(" ", "_")
    before = client("/annotator/data/annots")
    assert client(f"/annotator/annotInsert/owl/{at}/300000/200000") == {"action": "insert"}  # swapped
    (mine,) = [row for row in client(f"/annotator/data/annots/macroseg/{at}") if row["tag"] == "owl"]
    assert (mine["samp_start"], mine["samp_end"]) == (pytest.approx(200_000, abs=23), pytest.approx(300_000, abs=23))
    assert client(f"/annotator/annotRemove/fox/{at}/{mine['samp_start']}") == {"action": "none"}
    assert client(f"/annotator/annotRemove/owl/{at}/{mine['samp_start'] + 200}") == {"action": "none"}
    assert client(f"/annotator/annotRemove/owl/{at}/{mine['samp_start']}") == {"action": "remove"}
    assert client("/annotator/data/annots") == before


def test_where_there_is_no_sound_nothing_is_done(client: Client) -> None:
    assert client("/annotator/annotInsert/owl/2020-01-01_00:00:00.000/1/1000") is None
    assert client("/annotator/annotRemove/owl/2020-01-01_00:00:00.000/1") is None
    assert client("/annotator/data/annots/macroseg/2020-01-01_00:00:00.000") == []


def test_others_labels_and_impossible_ones_are_refused_in_one_line(client: Client, built_home: Home) -> None:
    theirs = Annotations(built_home.catalog).of_days(DAYS[0], DAYS[0])[0]
    at = written(theirs.start, UTC).replace(" ", "_")
    row = client(f"/annotator/data/annots/macroseg/{at}")[0]
    assert theirs.author in client(f"/annotator/annotRemove/{row['tag']}/{at}/{row['samp_start']}", 403)["detail"]
    assert "samples" in client(f"/annotator/annotInsert/owl/{at}/5/5", 400)["detail"]
    assert "samples" in client(f"/annotator/annotInsert/owl/{at}/5/900000", 400)["detail"]
    assert "moment" in client("/annotator/annotInsert/owl/now/5/9", 400)["detail"]
