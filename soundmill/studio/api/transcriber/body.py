"""What a request to /transcriber says: JSON, a form, or a form with a file; and how OpenAPI describes it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException, Request
from starlette.datastructures import UploadFile

LONGEST_NAME, LONGEST_WORDS, LONGEST_KEY, LONGEST_URL = 32, 10_000, 128, 2048


_TRUE, _FALSE = {"t", "y", "yes", "true", "on", "1"}, {"f", "n", "no", "false", "off", "0", ""}


class Refused(Exception):
    """A 400 that says what is wrong with each field."""

    def __init__(self, **fields: str | list[str]) -> None:
        super().__init__(str(fields))
        self.fields = {name: lines if isinstance(lines, list) else [lines] for name, lines in fields.items()}


@dataclass(frozen=True)
class RequestBody:
    """What a request says: texts by name, and the file it brings."""

    texts: Mapping[str, str]
    file: UploadFile | None = None

    def text(self, name: str, longest: int, *, needed: bool = False) -> str:
        """A field without blanks around it. Raises a 400."""
        value = self.texts.get(name, "").strip()
        if needed and name not in self.texts:
            raise Refused(**{name: "This field is required."})
        if needed and not value:
            raise Refused(**{name: "This field may not be blank."})
        if len(value) > longest:
            raise Refused(**{name: f"Ensure this field has no more than {longest} characters."})
        return value

    def flag(self, name: str) -> bool:
        """A field that is true or false. Raises a 400."""
        value = self.texts.get(name, "").strip().lower()
        if value not in _TRUE | _FALSE:
            raise Refused(**{name: "Must be a valid boolean."})
        return value in _TRUE

    def number(self, name: str, default: float) -> float:
        """A field that is a number. Raises a 400."""
        try:
            return float(self.texts.get(name) or default)
        except ValueError:
            raise Refused(**{name: "A valid number is required."}) from None


async def read_body(request: Request) -> RequestBody:
    """JSON, a form, or a form with a file. Raises a 400 for what is none of them, and a 415 for other kinds."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
        try:
            form = await request.form(max_files=4)
        except (UnicodeDecodeError, ValueError, KeyError) as error:
            raise HTTPException(400, f"the form cannot be read: {error}") from None
        texts = {name: value for name, value in form.items() if isinstance(value, str)}
        if "words" in texts:  # given one by one, or as a JSON list
            texts["words"] = ",".join(_words_in(value) for value in form.getlist("words") if isinstance(value, str))
        file = form.get("audio_file")
        found = RequestBody(texts, file if isinstance(file, UploadFile) else None)
    else:
        raw = await request.body()
        if raw and kind != "application/json":
            raise HTTPException(415, f"send a form or JSON, not {kind or 'something without a Content-Type'}")
        try:
            values = json.loads(raw or b"{}")
        except (ValueError, RecursionError) as error:
            raise HTTPException(400, f"JSON parse error - {error}") from None
        if not isinstance(values, dict):
            raise HTTPException(400, "an object is asked for")
        found = RequestBody({name: _text_of(name, value) for name, value in values.items() if value is not None})
    if any(is_malformed(text) for pair in found.texts.items() for text in pair):
        raise HTTPException(400, "texts may not hold NUL or halves of characters")
    return found


def _words_in(text: str) -> str:
    if not text.lstrip().startswith("["):
        return text
    try:
        return _text_of("words", json.loads(text))
    except (ValueError, RecursionError):
        raise Refused(words="This is no list of words.") from None


def _text_of(name: str, value: Any) -> str:
    """A JSON value as a form would have it; a list of texts as what lies between commas. Raises a 400."""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ",".join(value)
    if not isinstance(value, str | int | float):
        raise Refused(**{name: "Not a valid string."})
    return str(value)


def is_malformed(text: str) -> bool:
    return "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text)


def body_schema(described: Mapping[str, str], needed: tuple[str, ...], *, file: bool = False) -> dict[str, Any]:
    """How OpenAPI describes a body: as JSON and as a form, or as a form with a file."""
    properties = {name: {"type": "string", "description": text} for name, text in described.items()}
    if file:
        properties["audio_file"] = {"type": "string", "format": "binary", "description": "Audio in any codec."}
    schema = {"type": "object", "properties": properties, "required": list(needed)}
    kinds = ["multipart/form-data"] if file else ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"]
    return {"requestBody": {"required": bool(needed), "content": {kind: {"schema": schema} for kind in kinds}}}


CREDENTIALS = {"username": "Name of the account.", "password": "Its password."}


KEYWORD_FIELDS = {
    "words": "Keywords to find, comma separated, one by one, or as a JSON list.",
    "get_timestamps": "Whether their times are in the answer.",
    "stemming": "Words with one stem count as one: english, german, ...",
    "fuzzy": "How alike a word must be to a keyword, from 0 to 1; 1: the same.",
}
