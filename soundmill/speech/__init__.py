"""Speech: what was said, in words with times; which of them somebody looks for; how it was meant; and subtitles.

Here belong transcription, keywords, sentiment, and the forms in which transcripts leave. Where sound comes from, and who may ask over HTTP,
lies in other folders.
"""

from soundmill.speech.keywords import Hit, Keywords, UnusableKeywords
from soundmill.speech.sentiment import NoSentimentModel, Scores, SentimentModel, TimedScores, sentiment_model, sentiment_of
from soundmill.speech.transcriber import NoSpeechModel, Transcriber, TranscriptionFailed, transcriber
from soundmill.speech.transcript import Transcript, Word

__all__ = [
    "Hit",
    "Keywords",
    "NoSentimentModel",
    "NoSpeechModel",
    "Scores",
    "SentimentModel",
    "TimedScores",
    "Transcriber",
    "Transcript",
    "TranscriptionFailed",
    "UnusableKeywords",
    "Word",
    "sentiment_model",
    "sentiment_of",
    "transcriber",
]
