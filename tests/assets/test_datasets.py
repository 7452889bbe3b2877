"""Cut manifests as an asset."""

from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.run import RunFailed
from soundmill.catalog import Annotations, clip_path
from soundmill.formats.annotation import Annotation
from soundmill.workflows.releases import define_release, opened
from tests.assets.graph import checks
from tests.assets.listening import DAY, NIGHT, SPEECH, bring, listen
from tests.home import Home
from tests.soundmill.workflows.releases.garden import garden
from tests.web import Web


def test_lhotse_opens_and_validates_the_cuts_of_a_day(local_home: Home, web: Web, data: Path, digits_model: Path) -> None:
    from lhotse import CutSet, validate

    listen(local_home, digits_model)
    bring(local_home, web, data)
    Annotations(local_home.catalog).add(
        [Annotation("porch", NIGHT + timedelta(seconds=2.9), NIGHT + timedelta(seconds=3.2), "click", "ann")]
    )
    done = local_home.run("annotations", *SPEECH, days=(DAY,))
    folder = f"manifests/cuts/{DAY}"
    assert "| download | 2 |" in done["cut_manifests", str(DAY)]["cuts"]
    path = Path(local_home.lake.full_path(f"{folder}/cuts.jsonl.gz"))
    cuts = CutSet.from_file(path).with_recording_path_prefix(local_home.lake.root)
    validate(cuts, read_data=True)
    by_name = {cut.id: cut for cut in cuts}
    agent = by_name["call--agent"].supervisions
    assert [one.text for one in agent] == ["three one", "four one", "five nine"]
    assert [item.symbol for item in agent[1].alignment["word"]] == ["four", "one"]
    assert 2.7 < agent[1].alignment["word"][0].start < 2.9
    segments = [cut for cut in cuts if cut.id.startswith("porch-")]
    assert " ".join(one.text for cut in segments for one in cut.supervisions if one.text) == "nine zero five two seven one"
    assert [one.custom["tag"] for cut in segments for one in cut.supervisions if one.custom and "tag" in one.custom] == ["click", "click"]
    for cut in cuts:
        for one in cut.supervisions:
            assert 0 <= one.start < one.end <= cut.duration + 1e-4


def test_a_release_is_made_once_and_says_what_is_in_it(local_home: Home) -> None:
    garden(local_home.lake, local_home.catalog)
    define_release(local_home.catalog, "owls-1.0", {"rounds": ["owls"], "licence": "CC0-1.0"})
    first = local_home.run("dataset_release", release="owls-1.0")["dataset_release", "owls-1.0"]
    assert (first["status"], first["clips"], first["licence"]) == ("made", 6, "CC0-1.0")
    assert "| in all | 6 | 3.0 min | 4 |" in first["splits"]
    assert first["card"].startswith("# owls-1.0")
    assert checks(local_home, "dataset_release") == {"splits_apart": True, "tags_in_each_split": True, "sound_there": True}
    again = local_home.run("dataset_release", release="owls-1.0")["dataset_release", "owls-1.0"]
    assert (again["status"], again["sha256"]) == ("unchanged", first["sha256"])
    local_home.lake.delete(clip_path(opened(local_home.lake, local_home.catalog, "owls-1.0").clips[0].sha256))
    local_home.run("dataset_release", release="owls-1.0")
    assert checks(local_home, "dataset_release")["sound_there"] is False


def test_a_release_that_nobody_defined_is_refused_in_one_line(local_home: Home) -> None:
    with pytest.raises(RunFailed, match="there is no release 'nothing'"):
        local_home.run("dataset_release", release="nothing")
