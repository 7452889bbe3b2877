"""How speech is transcribed and analysed: which models, which sources, which keywords."""

from pathlib import Path

import dagster as dg

from soundmill.options import SpeechOptions


class SpeechResource(dg.ConfigurableResource):
    """See `soundmill.options.SpeechOptions` for what each value means."""

    vosk_model: str
    sources: list[str] = []  # noqa: RUF012  # a pydantic field, copied per instance
    keywords: list[str] = []  # noqa: RUF012
    stemming: str = ""
    fuzzy: float = 1.0
    sentiment_model: str = ""
    transcription_enabled: bool = True
    sentiment_enabled: bool = True
    language: str = "en"

    def options(self) -> SpeechOptions:
        """As the library takes it."""
        return SpeechOptions(
            Path(self.vosk_model),
            tuple(self.sources),
            tuple(self.keywords),
            self.stemming,
            self.fuzzy,
            Path(self.sentiment_model) if self.sentiment_model else None,
            self.transcription_enabled,
            self.sentiment_enabled,
            self.language,
        )
