"""A day with speech in it."""

from datetime import UTC, datetime
from pathlib import Path

from resources import SpeechResource
from soundmill.catalog import DownloadQueue, Wanted
from tests.home import FIRST, Home
from tests.web import Web

DAY = FIRST
NIGHT = datetime(DAY.year, DAY.month, DAY.day, 3, tzinfo=UTC)
SPEECH = ("transcripts", "keyword_hits", "sentiment", "cut_manifests")


def listen(home: Home, model: Path, **values: object) -> None:
    home.resources["speech"] = SpeechResource(vosk_model=str(model), **values)  # type: ignore[arg-type]
    home.rebuild()


def bring(home: Home, web: Web, data: Path) -> None:
    """A download of two sides, and a recording that is cut into segments."""
    strings = data / "digit-strings"
    urls = {name: web.serve(f"/{name}.wav", (strings / f"{name}.wav").read_bytes()) for name in ("two_pauses", "all_ten")}
    wanted = [Wanted("call", "agent", urls["two_pauses"]), Wanted("call", "customer", urls["all_ten"])]
    DownloadQueue(home.catalog).add(wanted, NIGHT)
    home.lake.write_bytes(f"landing/porch/{DAY}/{NIGHT:%Y%m%dT%H%M%S}Z.wav", (strings / "noisy_strings.wav").read_bytes())
    home.run("downloads", "captured_segments", days=(DAY,))
