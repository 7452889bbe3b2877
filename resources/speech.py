"""How speech is written down and judged: which models, which sources, which words."""

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from soundmill.capture.segmenter import ASSET as SEGMENTS
from soundmill.catalog import Ledger
from soundmill.fingerprint import digest
from soundmill.ingest.downloader import ASSET as DOWNLOADS
from soundmill.speech.tables import TRANSCRIPTS

if TYPE_CHECKING:
    from soundmill.speech import Keywords, SentimentModel, Transcriber


class SpeechResource(dg.ConfigurableResource):
    """Values that the operator sets; see `soundmill.settings` for what each means."""

    vosk_model: str
    sources: list[str] = []  # noqa: RUF012  # a pydantic field, copied per instance
    keywords_wanted: list[str] = []  # noqa: RUF012
    stemming: str = ""
    fuzzy: float = 1.0
    sentiment_model: str = ""
    transcription_enabled: bool = True
    sentiment_enabled: bool = True

    def transcriber(self) -> "Transcriber | None":
        """What writes down speech; None where that is switched off. Raises `NoSpeechModel`."""
        from soundmill.speech import transcriber

        return transcriber(Path(self.vosk_model)) if self.transcription_enabled else None

    def sentiment(self) -> "SentimentModel | None":
        """What judges it; None where that is switched off. Raises `NoSentimentModel`."""
        from soundmill.speech import sentiment_model

        return sentiment_model(Path(self.sentiment_model) if self.sentiment_model else None) if self.sentiment_enabled else None

    def keywords(self) -> "Keywords":
        """What is looked for. Raises `KeywordsRefused`."""
        from soundmill.speech import Keywords

        return Keywords(self.keywords_wanted, stemming=self.stemming or None, fuzzy=self.fuzzy)

    def is_wanted(self, source: str) -> bool:
        """Whether a source's sound is written down."""
        return not self.sources or source in self.sources

    def mark(self, ledger: Ledger, day: date) -> str:
        """What a day's speech is made from: it changes when recordings, models or words do."""
        return self.marks(ledger, [day])[day]

    def marks(self, ledger: Ledger, days: list[date] | None = None) -> dict[date, str]:
        """The same for several days, or for all that have recordings, or had them."""
        segments, downloads = ledger.processed(SEGMENTS), ledger.processed(DOWNLOADS)
        how = json.dumps({**self.model_dump(), "model": self._model()}, sort_keys=True, default=str)
        wanted = days if days is not None else sorted({*segments, *downloads, *ledger.processed(TRANSCRIPTS.name)})
        return {day: digest([how, segments.get(day, ""), downloads.get(day, "")]) for day in wanted}

    def _model(self) -> str:
        from soundmill.errors import NoSpeechModel

        try:
            writer = self.transcriber()
        except NoSpeechModel:
            return ""
        return writer.model if writer else ""
