"""Manifests: the same clips give the same bytes, and what differs between two releases is told."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from soundmill.errors import DamagedRelease
from soundmill.releases.manifest import Clip, Label, clips_bytes, difference, manifest_bytes, read_clips, totals

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
OWL, FOX = Label(1.5, 2.0, "owl"), Label(0.0, 0.25, "fox", 300.0, 1200.5, "prediction")


def clip(minute: int, *labels: Label, split: str = "train", source: str = "garden", sha256: str = "") -> Clip:
    start = NOON + timedelta(minutes=minute, milliseconds=7)
    sha256 = sha256 or hashlib.sha256(f"{source} {minute}".encode()).hexdigest()
    end, tags, gaps = start + timedelta(seconds=60), ("owl", "fox"), ((1.0, 2.5),)
    return Clip(
        source, start, end, split, f"g{minute}", (f"r{source}{minute // 10}",), ("owls",), tags, 2, labels, sha256, 8000, 480_000, gaps
    )


CLIPS = [clip(1, OWL), clip(0, OWL, FOX), clip(0, source="jardin d'été")]


def test_clips_come_back_as_they_were_and_their_order_does_not_matter() -> None:
    data = clips_bytes(CLIPS)
    assert data == clips_bytes(CLIPS[::-1])
    assert sorted(read_clips(data), key=lambda one: one.id) == sorted(CLIPS, key=lambda one: one.id)
    assert json.loads(data.splitlines()[0])["clip"] == "garden/2026-01-05T12:00:00.007Z/60000"
    assert totals(CLIPS) == {"clips": 3, "hours": 0.05, "labels": {"fox": 1, "owl": 2}}


@pytest.mark.parametrize("data", [b"{}\n", b"no json\n", clips_bytes(CLIPS)[:-20], clips_bytes(CLIPS).replace(b'"people"', b'"persons"')])
def test_what_is_no_list_of_clips_is_said_to_be_damaged(data: bytes) -> None:
    with pytest.raises(DamagedRelease):
        read_clips(data)


def test_a_manifest_names_the_hashes_of_the_other_files() -> None:
    files = {"clips.jsonl": clips_bytes(CLIPS), "card.md": b"# owls"}
    data = manifest_bytes({"b": 1, "a": "é"}, files)
    assert data == manifest_bytes({"a": "é", "b": 1}, dict(reversed(files.items())))
    assert json.loads(data)["files"]["card.md"] == hashlib.sha256(b"# owls").hexdigest()


def test_nothing_differs_from_itself() -> None:
    assert difference(CLIPS, CLIPS[::-1]).is_empty


def test_what_came_went_changed_and_moved_is_told() -> None:
    second = [clip(1, FOX, replace(OWL, tag="fox")), replace(CLIPS[1], split="test"), clip(3, OWL)]
    change = difference(CLIPS, second, ["gone", "gone"])
    assert change.added == (clip(3).id,)
    assert change.removed == (CLIPS[2].id,)
    assert change.relabelled == (CLIPS[0].id,)
    assert change.labels == {"fox": (2, 0), "owl": (0, 1)}
    assert change.moved == {("train", "test"): 1}
    assert change.leaked == (CLIPS[1].id,)
    assert change.withdrawn == ("gone",)
    assert not change.is_empty


def test_a_recording_in_another_split_is_a_leak_and_other_sound_or_tags_are_told() -> None:
    other = clip(2, split="test")  # of the same recording as minute 1
    assert difference(CLIPS, [*CLIPS, other]).leaked == (other.id,)
    assert difference(CLIPS, [replace(CLIPS[0], tags=("owl",)), *CLIPS[1:]]).relabelled == (CLIPS[0].id,)
    assert difference(CLIPS, [replace(CLIPS[0], sha256="f" * 64), *CLIPS[1:]]).recut == (CLIPS[0].id,)


def test_the_same_sound_under_another_name_in_another_split_is_a_leak() -> None:
    copy = clip(9, OWL, split="test", sha256=CLIPS[0].sha256)
    assert difference(CLIPS, [*CLIPS, copy]).leaked == (copy.id,)
