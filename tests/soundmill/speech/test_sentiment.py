"""Sentiment by a lexicon and by a real classifier, of transcripts of any length."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundmill.errors import NoSentimentModel
from soundmill.speech import Transcript, Word, sentiment_model, sentiment_of
from soundmill.speech.sentiment import LONGEST_SENTENCE, Scores

LEXICON = sentiment_model(None)


def said(*sentences: str) -> Transcript:
    utterances, at = [], 0.0
    for sentence in sentences:
        utterances.append(tuple(Word(word, at + n * 0.4, at + n * 0.4 + 0.3, 1.0) for n, word in enumerate(sentence.split())))
        at += len(utterances[-1]) * 0.4 + 2
    return Transcript(at + 1, "m", tuple(utterances))


def is_one(scores: Scores) -> bool:
    return scores.negative + scores.neutral + scores.positive == pytest.approx(1, abs=1e-9) and min(vars(scores).values()) >= 0


def test_the_lexicon_tells_good_from_bad_along_a_transcript() -> None:
    whole, along = sentiment_of(said("i love this wonderful product", "it is a table", "this is terrible and i hate it"), LEXICON)
    assert [max(vars(one.scores), key=lambda name: vars(one.scores)[name]) for one in along][1] == "neutral"
    assert along[0].scores.positive > 0.5 > along[0].scores.negative
    assert along[2].scores.negative > 0.4 > along[2].scores.positive
    assert is_one(whole)
    assert (along[0].start, along[0].end, along[0].text) == (0.0, pytest.approx(1.9), "i love this wonderful product")
    assert [one.start for one in along] == sorted(one.start for one in along)


def test_nothing_said_is_neutral() -> None:
    assert sentiment_of(said(), LEXICON) == (Scores(0.0, 1.0, 0.0), [])


def test_long_sentences_are_taken_in_pieces_and_count_by_their_words() -> None:
    whole, along = sentiment_of(said("good " * 100, "bad"), LEXICON)
    assert [len(one.text.split()) for one in along] == [33, 34, 33, 1]
    assert max(len(one.text.split()) for one in along) <= LONGEST_SENTENCE
    assert whole.positive > 0.95


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(["good", "bad", "not", "very", "table", "but", "sad"]), min_size=1, max_size=90), max_size=4))
def test_scores_are_one_together(sentences: list[list[str]]) -> None:
    whole, along = sentiment_of(said(*(" ".join(sentence) for sentence in sentences)), LEXICON)
    assert is_one(whole)
    assert all(is_one(one.scores) for one in along)


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real, very small RoBERTa, trained on a dozen sentences here and now."""
    import torch
    from tokenizers.implementations import ByteLevelBPETokenizer
    from transformers import RobertaConfig, RobertaForSequenceClassification, RobertaTokenizerFast

    good, plain = ["good great lovely", "i love it", "wonderful day"], ["a table", "the door is here", "it is a day"]
    bad = ["bad awful", "i hate it", "terrible day"]
    folder = tmp_path_factory.mktemp("models") / "tiny-sentiment"
    folder.mkdir()
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator([*good, *plain, *bad] * 5, vocab_size=400, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    trained.save(str(folder / "tokenizer.json"))
    tokenizer = RobertaTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), model_max_length=62)
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=500, hidden_size=64, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, max_position_embeddings=64,
        num_labels=3, pad_token_id=1, bos_token_id=0, eos_token_id=2, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    network = RobertaForSequenceClassification(config)
    batch = tokenizer([*bad, *plain, *good], return_tensors="pt", padding=True)
    labels = torch.tensor([0] * 3 + [1] * 3 + [2] * 3)
    learning = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(150):
        learning.zero_grad()
        network(**batch, labels=labels).loss.backward()
        learning.step()
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_classifier_from_a_folder_scores_in_the_order_of_the_original(classifier: Path) -> None:
    model = sentiment_model(classifier)
    whole, along = sentiment_of(said("i love it", "the door is here", "i hate it"), model)
    found = [max(vars(one.scores), key=lambda name: vars(one.scores)[name]) for one in along]
    assert found == ["positive", "neutral", "negative"]
    assert is_one(whole)
    assert model.model.startswith("tiny-sentiment-")


def test_texts_beyond_the_classifier_s_length_are_taken_in_parts_that_count_by_their_words(classifier: Path) -> None:
    model = sentiment_model(classifier)

    def parts(word: str) -> list[float]:
        return [model([" ".join([word] * count)])[0].positive for count in (8, 16, 32)]

    (good,), (bad,), (mixed,) = (model([text]) for text in ("good " * 512, "awful " * 512, "good " * 512 + "awful " * 512))
    assert all(is_one(scores) for scores in (good, bad, mixed))
    assert any(good.positive == pytest.approx(part, abs=1e-4) for part in parts("good"))
    assert any(bad.positive == pytest.approx(part, abs=1e-4) for part in parts("awful"))
    assert mixed.positive == pytest.approx((good.positive + bad.positive) / 2, abs=1e-4)


def test_a_classifier_serves_many_threads(classifier: Path) -> None:
    model = sentiment_model(classifier)
    texts = ["good", "i hate it " * 40, "a table"]
    expected = model(texts)
    with ThreadPoolExecutor(6) as pool:
        for found in pool.map(lambda _: model(texts), range(40)):
            assert all(vars(one) == pytest.approx(vars(other), abs=1e-6) for one, other in zip(found, expected, strict=True))


def test_a_folder_that_is_no_classifier_is_refused_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(NoSentimentModel, match=r"holds no config\.json"):
        sentiment_model(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(NoSentimentModel, match="cannot be loaded"):
        sentiment_model(tmp_path)(["a"])
