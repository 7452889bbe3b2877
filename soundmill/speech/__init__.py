"""Speech: transcripts with word times, keywords, sentiment, subtitles.

Here belong transcription, keywords, sentiment, and the forms in which transcripts leave. Where sound comes from, and who may ask over HTTP,
lies in other folders.
"""

from soundmill.speech.keywords import Hit, Keywords
from soundmill.speech.sentiment import Scores, SentimentModel, TimedScores, sentiment_model, sentiment_of
from soundmill.speech.transcriber import Transcriber, transcriber
from soundmill.speech.transcript import Transcript, Word

__all__ = [
    "Hit",
    "Keywords",
    "Scores",
    "SentimentModel",
    "TimedScores",
    "Transcriber",
    "Transcript",
    "Word",
    "sentiment_model",
    "sentiment_of",
    "transcriber",
]
