"""Takes through the graph: transcribed, judged, in the day's CutSet, and out of all of it when they are withdrawn."""

import gzip
import json
from pathlib import Path

from soundmill.catalog import Takes
from soundmill.workflows.cuts import cuts_folder
from soundmill.workflows.erasure import erase
from soundmill.workflows.takes import PROMPTED_TAKES
from tests.assets.listening import listen
from tests.home import Home
from tests.soundmill.workflows.takes.reading import found_anywhere, prompt_set, read, somebody

SPEECH = ("transcripts", "keyword_hits", "sentiment", "prompted_takes", "cut_manifests")


def test_a_day_of_takes_goes_through_the_graph_and_out_of_it(local_home: Home, data: Path, digits_model: Path) -> None:
    lake, catalog = local_home.lake, local_home.catalog
    listen(local_home, digits_model)
    prompt_set(catalog, limits={"errors_again": 10, "errors_check": 10})  # what is read is not what the model knows
    ann, ben = somebody(catalog), somebody(catalog)
    gone = read(lake, catalog, data, ann, "u0", 0)
    for number in range(1, 5):
        read(lake, catalog, data, ben, f"u{number}", number)
    day = gone.day
    done = local_home.run(*SPEECH, days=(day,))
    told = done["prompted_takes", day.isoformat()]
    assert (told["takes"], told["speakers"]) == (5, 2)
    assert gone.key not in str(told)
    assert "/record/digits/takes" in told["hear_them"]
    rows = lake.read_days(PROMPTED_TAKES, [day]).to_pylist()
    assert {row["errors"] is not None for row in rows} == {True}  # a model of digits heard them
    assert {row["set"] for row in rows} == {"digits"}
    cuts = [json.loads(line) for line in gzip.decompress(lake.read_bytes(f"{cuts_folder(day)}/cuts.jsonl.gz")).splitlines()]
    assert len(cuts) == sum(row["counts"] for row in rows)
    assert day not in catalog_stale(local_home)
    erase(lake, catalog, ann[0])
    assert day in catalog_stale(local_home)  # the sensor asks for the day again
    local_home.run(*SPEECH, days=(day,))
    assert found_anywhere(gone, Path(lake.root)) == []
    assert Takes(catalog).listed(day=day)[1] == 4


def catalog_stale(home: Home) -> list[object]:
    from soundmill.catalog import Ledger

    return [*Ledger(home.catalog).stale("transcripts"), *Ledger(home.catalog).stale("prompted_takes")]
