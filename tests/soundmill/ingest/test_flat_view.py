"""Downloads as folders of calls: links that follow what is there."""

from dataclasses import replace
from datetime import date
from pathlib import Path

from soundmill.catalog import Item
from soundmill.ingest.flat_view import flat_view
from soundmill.lake import open_lake


def test_links_follow_the_downloads(tmp_path: Path) -> None:
    lake, view = open_lake(str(tmp_path / "lake")), tmp_path / "conversations"

    def download(conversation: str, speaker: str) -> Item:
        path = f"audio/downloads/2026-01-05/{conversation}/{conversation}_{speaker}.wav"
        lake.write_bytes(path, speaker.encode())
        measures = {"conversation": conversation, "speaker": speaker}
        return Item(f"{conversation}/{speaker}", "download", "downloads", date(2026, 1, 5), "ready", "", path=path, measures=measures)

    first, second, third = download("a", "agent"), download("a", "customer"), download("b", "agent")
    failed = replace(download("c", "agent"), path=None, state="quarantined")

    def seen() -> dict[str, bytes]:
        return {str(file.relative_to(view)): file.read_bytes() for file in view.rglob("*.wav")}

    flat_view([first, second, third, failed], lake, view)
    assert seen() == {"a/a_agent.wav": b"agent", "a/a_customer.wav": b"customer", "b/b_agent.wav": b"agent"}
    flat_view([first], lake, view)
    assert seen() == {"a/a_agent.wav": b"agent"}
    assert [folder.name for folder in view.iterdir()] == ["a"]
    assert lake.exists(second.path or "")
