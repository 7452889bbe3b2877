"""The models and keywords that the options ask for."""

from typing import TYPE_CHECKING

from soundmill.options import SpeechOptions

if TYPE_CHECKING:
    from soundmill.speech.keywords import Keywords
    from soundmill.speech.sentiment import SentimentModel
    from soundmill.speech.transcriber import Transcriber


def load_transcriber(options: SpeechOptions) -> "Transcriber | None":
    """The speech model; None where transcription is switched off. Raises `NoSpeechModel`."""
    from soundmill.speech.transcriber import transcriber

    return transcriber(options.vosk_model) if options.transcription_enabled else None


def load_sentiment(options: SpeechOptions) -> "SentimentModel | None":
    """The sentiment model; None where sentiment is switched off. Raises `NoSentimentModel`."""
    from soundmill.speech.sentiment import sentiment_model

    return sentiment_model(options.sentiment_model) if options.sentiment_enabled else None


def keywords_of(options: SpeechOptions) -> "Keywords":
    """What is searched for. Raises `KeywordsRefused`."""
    from soundmill.speech.keywords import Keywords

    return Keywords(options.keywords, stemming=options.stemming or None, fuzzy=options.fuzzy)
