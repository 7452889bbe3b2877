"""Manifests are what lhotse reads."""

import gzip
import json
from pathlib import Path

from soundmill.formats.lhotse import cut, manifest, recording, spoken, supervision


def test_lhotse_reads_a_cut_with_its_words_and_what_is_our_own(tmp_path: Path) -> None:
    from lhotse import load_manifest  # imports torch: only where it is used
    from lhotse.qa import validate

    whole = recording("call", "audio/call.wav", 32_000, 16_000)
    said = spoken(0, "call", [("good", 0.5, 0.8, 0.9), ("day", 0.8, 1.25, 1.0)], "agent", tag="greeting")
    (tmp_path / "cuts.jsonl.gz").write_bytes(manifest([cut(whole, [said, supervision(1, "call", 1.5, 1.75, "agent")], source="porch")]))
    (found,) = load_manifest(tmp_path / "cuts.jsonl.gz")
    validate(found)
    assert (found.duration, found.custom) == (2.0, {"source": "porch"})
    first, second = found.supervisions
    assert (first.text, first.start, first.duration, first.custom) == ("good day", 0.5, 0.75, {"tag": "greeting"})
    assert [(word.symbol, word.start, word.score) for word in first.alignment["word"]] == [("good", 0.5, 0.9), ("day", 0.8, 1.0)]
    assert (second.id, second.duration) == ("call-00001", 0.25)


def test_the_same_entries_are_the_same_bytes_and_any_name_survives() -> None:
    entries = [recording("Größe", "a.wav", 1, 8000)]
    assert manifest(entries) == manifest(entries)
    assert json.loads(gzip.decompress(manifest(entries)))["id"] == "Größe"
    assert gzip.decompress(manifest([])) == b""
