"""How something was meant: negative, neutral, positive, for a whole transcript and along it.

A lexicon (VADER) is there always; a Hugging Face classifier, such as the RoBERTa for tweets, where its folder is named.
"""

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

from soundmill.errors import NoSentimentModel
from soundmill.speech.transcript import Transcript, Word

LONGEST_SENTENCE = 40  # words
_LABELS = ("negative", "neutral", "positive")
_BATCH = 16


@dataclass(frozen=True)
class Scores:
    """How probable each is; together 1."""

    negative: float
    neutral: float
    positive: float


NOTHING_SAID = Scores(0.0, 1.0, 0.0)


@dataclass(frozen=True)
class TimedScores:
    """The scores of a span, in seconds of the file."""

    start: float
    end: float
    text: str
    scores: Scores


class SentimentModel(Protocol):
    """A model that rates sentences. `model` names it and its content."""

    @property
    def model(self) -> str: ...

    def __call__(self, sentences: Sequence[str]) -> list[Scores]:
        """Scores of each sentence, of any length."""
        ...


def sentiment_of(transcript: Transcript, model: SentimentModel) -> tuple[Scores, list[TimedScores]]:
    """The scores of the whole, and along it. What lies between two pauses is a sentence, as recognisers write no full stops; one of more
    than 40 words is taken in pieces of equal length. The whole is the mean over the words, so that length does not decide.
    """
    sentences = [piece for utterance in transcript.utterances for piece in _pieces(utterance)]
    texts = [" ".join(word.word for word in sentence) for sentence in sentences]
    along = [
        TimedScores(sentence[0].start, sentence[-1].end, text, scores)
        for sentence, text, scores in zip(sentences, texts, model(texts), strict=True)
    ]
    weighed = [(len(sentence), one.scores) for sentence, one in zip(sentences, along, strict=True)]
    return _mean(weighed), along


@lru_cache(maxsize=4)
def sentiment_model(folder: Path | None) -> SentimentModel:
    """The lexicon, or the classifier in a folder; once per process, loaded when it is first used. Raises `NoSentimentModel`."""
    return LexiconSentiment() if folder is None else TransformerSentiment(folder)


class LexiconSentiment:
    """VADER (Hutto & Gilbert 2014): a lexicon and a few rules of English."""

    @property
    def model(self) -> str:
        """The lexicon's version."""
        return f"vader-{version('vaderSentiment')}"

    def __call__(self, sentences: Sequence[str]) -> list[Scores]:
        """Shares of each sentence's words that speak for each."""
        return [_summed(*(found[name] for name in ("neg", "neu", "pos"))) for found in map(self._analyser.polarity_scores, sentences)]

    @cached_property
    def _analyser(self) -> Any:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

        return SentimentIntensityAnalyzer()


class TransformerSentiment:
    """A sequence classifier of Hugging Face in a folder, as `save_pretrained` writes it, with its tokenizer.

    Its labels are negative, neutral and positive by name, or LABEL_0 to LABEL_2 in that order; one without neutral never says so.
    Raises `NoSentimentModel`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._one_at_a_time = folder.absolute(), threading.Lock()
        if not (self._folder / "config.json").is_file():
            raise NoSentimentModel(f"no sentiment model at {self._folder}: it holds no config.json (SOUNDMILL_SENTIMENT_MODEL)")

    @cached_property
    def model(self) -> str:
        """The folder's name and a hash of its files."""
        whole = hashlib.sha256()
        for path in sorted(self._folder.iterdir()):
            if path.suffix in (".json", ".safetensors", ".bin", ".txt"):
                with path.open("rb") as file:
                    whole.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
        return f"{self._folder.name}-{whole.hexdigest()[:12]}"

    def __call__(self, sentences: Sequence[str]) -> list[Scores]:
        """The classifier's probabilities; a sentence that is too long for it is taken in halves until it is not."""
        with self._one_at_a_time:  # tokenizers keep settings of lengths, for all threads
            fitting = [self._fitting(sentence) for sentence in sentences]
            texts = [piece for pieces in fitting for piece in pieces]
            found = iter([scores for start in range(0, len(texts), _BATCH) for scores in self._rated(texts[start : start + _BATCH])])
        return [_mean([(len(piece.split()), next(found)) for piece in pieces]) for pieces in fitting]

    def _rated(self, texts: list[str]) -> list[Scores]:
        import torch

        tokenizer, network, order = self._parts
        batch = tokenizer(texts, return_tensors="pt", padding=True, truncation=True, max_length=self._most_tokens)
        with torch.inference_mode():
            rows = torch.softmax(network(**batch).logits.double(), dim=-1).tolist()
        return [_summed(*(0.0 if place is None else row[place] for place in order)) for row in rows]

    @cached_property
    def _parts(self) -> tuple[Any, Any, list[int | None]]:
        """Tokenizer, network, and the places of negative, neutral and positive among its outputs."""
        try:
            from transformers import AutoModelForSequenceClassification, AutoTokenizer
            from transformers.utils.logging import disable_progress_bar
        except ImportError:
            raise NoSentimentModel(
                "SOUNDMILL_SENTIMENT_MODEL needs the extra: pip install 'soundmill[transformers]', or unset it for the lexicon"
            ) from None
        disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            tokenizer = AutoTokenizer.from_pretrained(self._folder, local_files_only=True)
            network = AutoModelForSequenceClassification.from_pretrained(self._folder, local_files_only=True).eval()
        except (OSError, ValueError, KeyError) as error:
            raise NoSentimentModel(f"the sentiment model at {self._folder} cannot be loaded: {error}") from None
        names = {str(name).lower(): int(place) for place, name in network.config.id2label.items()}
        if set(names) == {"label_0", "label_1", "label_2"}:
            return tokenizer, network, [0, 1, 2]
        order = [names.get(label) for label in _LABELS]
        if order[0] is None or order[2] is None:
            raise NoSentimentModel(f"the model at {self._folder} predicts {', '.join(names)}, not negative and positive")
        return tokenizer, network, order

    @property
    def _most_tokens(self) -> int:
        tokenizer, network, _ = self._parts
        # RoBERTa counts two places of its table for padding
        places = getattr(network.config, "max_position_embeddings", 514) - 2
        return int(min(tokenizer.model_max_length, places))

    def _fitting(self, sentence: str) -> list[str]:
        words = sentence.split()
        if len(words) < 2 or len(self._parts[0](sentence)["input_ids"]) <= self._most_tokens:
            return [sentence]
        middle = len(words) // 2
        return [*self._fitting(" ".join(words[:middle])), *self._fitting(" ".join(words[middle:]))]


def _pieces(utterance: Sequence[Word]) -> list[Sequence[Word]]:
    count = -(-len(utterance) // LONGEST_SENTENCE)
    edges = [round(number * len(utterance) / count) for number in range(count + 1)]
    return [utterance[start:end] for start, end in pairwise(edges)]


def _mean(weighed: Sequence[tuple[int, Scores]]) -> Scores:
    total = sum(weight for weight, _ in weighed)
    if not total:
        return NOTHING_SAID
    return _summed(*(sum(weight * getattr(scores, label) for weight, scores in weighed) / total for label in _LABELS))


def _summed(negative: float, neutral: float, positive: float) -> Scores:
    """Scores that are 1 together; neutral where nothing speaks for anything."""
    total = negative + neutral + positive
    return Scores(negative / total, neutral / total, positive / total) if total > 0 else NOTHING_SAID
