"""Recordings as clients see them, also in the shapes of mp3.ai."""

import json
from collections import Counter
from typing import Any

from soundmill.catalog import Upload
from soundmill.settings import Settings
from soundmill.speech import Keywords


def upload_json(one: Upload, settings: Settings, compat: str) -> dict[str, Any]:
    """A recording as clients see it; never its sound. With compat "1" or "2" in the shapes of mp3.ai."""
    keywords = Keywords.parse(one.words)
    found = Counter(hit["keyword"] for hit in one.hits)
    counts = {word: found[word] for word in keywords.words}
    times = [{"word": hit["keyword"], "start": hit["start"], "end": hit["end"], "conf": hit["confidence"]} for hit in one.hits]
    times = times if one.get_timestamps else []
    scores = one.sentiment or {}
    shown: dict[str, Any] = {
        "uuid": one.uuid,
        "user": one.username,
        "name": one.name,
        "words": list(keywords.words),
        "word_freqs": counts,
        "get_timestamps": one.get_timestamps,
        "timestamps": times,
        "transcript": one.text,
        **{f"sentiment_{label}": scores.get(label, 0.0) for label in ("negative", "neutral", "positive")},
        "creation_date": one.created_at.astimezone(settings.zone).isoformat(),
        "last_updated": one.updated_at.astimezone(settings.zone).isoformat(),
    }
    if compat != "0":
        present = {word: count for word, count in counts.items() if count}  # as in the original, without what nobody found
        old: dict[str, Any] = {"words": one.words, "word_freqs": present}
        if compat == "1":
            old = {"words": json.dumps(list(keywords.words)), "word_freqs": json.dumps(present), "timestamps": repr(times)}
        if not one.get_timestamps:
            old["timestamps"] = ""
        return {**shown, **old}
    if one.stemming or one.fuzzy < 1:
        for time, hit in zip(times, one.hits, strict=False):
            time |= {"heard": hit["matched"], "score": hit["score"]}
    return {
        **shown,
        "status": one.state,
        "failure": {"reason": one.reason, "message": one.message} if one.state == "failed" else None,
        "seconds": round(one.seconds, 3),
        "stemming": one.stemming,
        "fuzzy": one.fuzzy,
        "sentiment_along": [{name: entry[name] for name in ("start", "end", "text", "scores")} for entry in scores.get("along", ())],
        "speech_model": one.model,
        "sentiment_model": scores.get("model"),
        "webhook": one.webhook_state,
    }
