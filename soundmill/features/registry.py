"""The extractors there are. A new one is a file beside this one and a line here."""

from soundmill.features.extractor import Extractor
from soundmill.features.logmel_stats import LogMelStats
from soundmill.features.loudest_frames import LoudestFrames

EXTRACTORS: dict[str, type[Extractor]] = {
    "loudest_frames": LoudestFrames,
    "logmel_stats": LogMelStats,
}


class UnknownExtractor(LookupError):
    """A name that no extractor has."""


def extractor(name: str) -> Extractor:
    """The extractor of that name, with its default parameters. Raises `UnknownExtractor`."""
    if name not in EXTRACTORS:
        raise UnknownExtractor(f"no feature extractor is called {name!r}; there are: {', '.join(EXTRACTORS)}")
    return EXTRACTORS[name]()
