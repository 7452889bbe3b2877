"""Folders of clips become days: whole sources on one side, every class in its share."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from soundmill.errors import ClipsRefused
from soundmill.scene import RATE, babble
from soundmill.workflows.clips import by_source, plan_clips, source_of, tag_of
from tests.conftest import wav

FIRST = date(2025, 1, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of twelve clips, three of each source, by their names."""
    rng = np.random.default_rng(0)
    for kind in ("001 - High", "002 - Low"):
        (tmp_path / kind).mkdir()
        for n in range(12):
            sf.write(tmp_path / kind / f"1-{kind[-3:]}{n // 3}-{n % 3}.wav", rng.normal(0, 0.1, 8000).astype(np.float32), 16_000)
    (tmp_path / "001 - High" / "notes.txt").write_text("no sound")
    (tmp_path / "empty").mkdir()
    return tmp_path


def test_clips_of_a_source_share_a_side_and_every_class_is_on_both(folder: Path) -> None:
    plan = plan_clips(folder, FIRST)
    assert plan.tags == ("High", "Low")
    assert (len(plan.clips), plan.groups) == (24, 8)
    assert not set(plan.train_days) & set(plan.test_days)
    sides: dict[str, set[bool]] = {}
    for clip in plan.clips:
        sides.setdefault(clip.path.stem.split("-")[1], set()).add(clip.start.date() in plan.test_days)
    assert all(len(side) == 1 for side in sides.values())
    for tag in plan.tags:
        tested = [clip for clip in plan.clips if clip.tag == tag and clip.start.date() in plan.test_days]
        assert len(tested) == 3  # one source of four: two would be more than three in ten
    starts = [(clip.start, clip.end) for clip in plan.clips]
    assert all(a[1] < b[0] for a, b in pairwise(starts))
    assert plan == plan_clips(folder, FIRST)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("1-17092-A.ogg", "17092"),
        ("3-151080-A-21.wav", "151080"),
        ("5-9032-A-0.wav", "9032"),
        ("a-b-c.wav", "a-b-c.wav"),
        ("7.wav", "7.wav"),
    ],
)
def test_a_source_is_read_from_names_of_esc_50(name: str, source: str) -> None:
    assert source_of(Path(name)) == source


def test_what_is_to_stay_unknown_tests_only(folder: Path) -> None:
    for n in range(6):
        (folder / "3 - Foreign").mkdir(exist_ok=True)
        sf.write(folder / "3 - Foreign" / f"{n}.wav", np.random.default_rng(n).normal(0, 0.1, 8000).astype(np.float32), 16_000)
    plan = plan_clips(folder, FIRST, unknown=["3 - Foreign"])
    assert plan.tags == ("High", "Low")
    assert {clip.start.date() in plan.test_days for clip in plan.clips if clip.tag == "Foreign"} == {True}
    assert plan.training_clips == 18
    with pytest.raises(ClipsRefused, match="has no class Birds; it has Foreign, High, Low"):
        plan_clips(folder, FIRST, unknown=["Birds"])
    with pytest.raises(ClipsRefused, match="fewer than two classes"):
        plan_clips(folder, FIRST, unknown=["High", "Foreign"])


def test_groups_can_be_given_and_copies_are_found(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "groups.csv"
    table.write_text("\n".join(f"{path.relative_to(folder)},{path.parent.name[-1]}" for path in folder.rglob("*.wav")))
    with pytest.raises(ClipsRefused, match="too few sources"):
        plan_clips(folder, FIRST, table)
    voice = babble(np.random.default_rng(0))
    for name, sound in (("a.wav", voice), ("b.flac", voice * 0.3), ("c.wav", babble(np.random.default_rng(1)))):
        sf.write(folder / "empty" / name, sound, RATE)
    found = {frozenset(path.name for path in group) for group in by_source(sorted((folder / "empty").iterdir()))}
    assert found == {frozenset({"a.wav", "b.flac"}), frozenset({"c.wav"})}


def test_more_than_a_day_of_clips_takes_more_days(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soundmill.workflows.clips._LONGEST_DAY", timedelta(seconds=4))
    plan = plan_clips(folder, FIRST)
    assert len(plan.train_days) > 5
    assert len(plan.test_days) > 1
    assert sorted({*plan.train_days, *plan.test_days}) == [FIRST + timedelta(days=n) for n in range(len(plan.train_days + plan.test_days))]
    assert all((clip.end - datetime.combine(clip.start.date(), time(), UTC)).total_seconds() <= 4 for clip in plan.clips)


def test_a_folder_without_classes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "x.wav").write_bytes(b"")
    with pytest.raises(ClipsRefused, match="at least two folders"):
        plan_clips(tmp_path, FIRST)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "y.wav").write_bytes(b"no sound")
    with pytest.raises(ClipsRefused, match="in 0 of its folders"):
        plan_clips(tmp_path, FIRST)


@pytest.mark.parametrize(("name", "tag"), [("001 - Dog bark", "Dog bark"), ("rain", "rain"), ("3_cat/dog", "cat/dog"), ("7", "7")])
def test_tags_come_from_folder_names(name: str, tag: str) -> None:
    assert tag_of(name) == tag


def clips_of(folder: Path, *classes: str) -> Path:
    for kind in classes:
        (folder / kind).mkdir(parents=True)
        for n in range(10):
            (folder / kind / f"{n}.wav").write_bytes(wav(1.0, 300 + 37 * n + 5 * len(kind)))
    return folder


@pytest.mark.parametrize("name", ["other", "Other", "🐶"])
def test_a_folder_whose_name_can_be_no_tag_is_refused_before_anything_lands(tmp_path: Path, name: str) -> None:
    with pytest.raises(ClipsRefused, match="rename the folder"):
        plan_clips(clips_of(tmp_path, "owl", "wren", name), FIRST)


def test_tags_of_folders_are_composed_and_without_signs_at_their_ends() -> None:
    assert [tag_of(name) for name in ("(misc)", "Ku\u0308hlschrank", "01 - Dog bark", "कुत्ता", "a:b")] == [
        "misc",
        "Kühlschrank",
        "Dog bark",
        "कुत्ता",
        "a_b",
    ]


def test_files_that_cannot_be_read_are_counted_by_class(tmp_path: Path) -> None:
    clips_of(tmp_path, "owl", "wren", "thrush")
    for n in range(10):
        (tmp_path / "thrush" / f"{n}.wav").write_bytes(b"RIFF")
    (tmp_path / "owl" / "notes.txt").write_text("what I heard")
    plan = plan_clips(tmp_path, FIRST)
    assert plan.unreadable == ("1 files of owl could not be read", "10 files of thrush could not be read: thrush is not trained on")
    assert plan.tags == ("owl", "wren")
