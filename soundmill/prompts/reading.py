"""Prompts from a file: a lhotse CutSet of texts, a table, or a sentence a line. A line that cannot be read stops none of the others."""

import gzip
import hashlib
import io
import json
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from soundmill.catalog.prompts import Prompt
from soundmill.errors import PromptsRefused
from soundmill.formats.spreadsheets import Row, decoded, named_cells, read_rows

Form = Literal["cuts", "csv", "text"]
FORMS: tuple[Form, ...] = ("cuts", "csv", "text")
_FORM_OF: dict[str, Form] = {".jsonl": "cuts", ".json": "cuts", ".csv": "csv", ".tsv": "csv"}
_MOST_BYTES = 1 << 30  # of a file once it is unpacked
_LONGEST_TEXT, _LONGEST_ID = 2000, 200


@dataclass(frozen=True)
class BadLine:
    """A line that is no prompt, and why."""

    number: int
    why: str


def read_prompts(data: bytes, form: Form) -> tuple[list[Prompt], list[BadLine]]:
    """The prompts of a file, gzipped or plain, in order, and the lines that are none. Raises `PromptsRefused` where nothing can be read.

    cuts  lhotse's MonoCut or SupervisionSegment as JSON lines: the id, the text of the first supervision, and NE_id and NE_text from its
          `custom`
    csv   a header with `text`, and `id`, `entity` and `entity_text` where there are any; separated by commas, semicolons or tabs
    text  a sentence a line; its id is made from the text
    """
    text = _text(data)
    lines: Iterable[tuple[int, Prompt | str]]
    match form:
        case "cuts":
            lines = _cuts(text)
        case "csv":
            lines = _table(text)
        case "text":
            lines = _sentences(text)
    prompts, bad, seen = list[Prompt](), list[BadLine](), set[str]()
    for number, found in lines:
        why = found if isinstance(found, str) else _problem(found, seen)
        if why:
            bad.append(BadLine(number, why))
        elif isinstance(found, Prompt):
            seen.add(found.utterance)
            prompts.append(found)
    return prompts, bad


def form_of(name: str) -> Form:
    """The form of a file by its name: `.jsonl` and `.jsonl.gz` are CutSets, `.csv` and `.tsv` tables, all else text."""
    suffixes = [suffix.lower() for suffix in Path(name).suffixes if suffix.lower() != ".gz"]
    return _FORM_OF.get(suffixes[-1] if suffixes else "", "text")


def _text(data: bytes) -> str:
    if data[:2] != b"\x1f\x8b":
        return decoded(data)
    try:
        with gzip.open(io.BytesIO(data)) as file:
            unpacked = file.read(_MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise PromptsRefused(f"the file is gzipped, but damaged: {error}") from None
    if len(unpacked) > _MOST_BYTES:
        raise PromptsRefused("the file unpacks to more than a gigabyte")
    return decoded(unpacked)


def _cuts(text: str) -> Iterator[tuple[int, Prompt | str]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, _cut(line)


def _cut(line: str) -> Prompt | str:
    try:
        cut = json.loads(line)
        said = (cut.get("supervisions") or [cut])[0]
        custom = said.get("custom") or {}
        return _prompt(cut.get("id"), said.get("text"), custom.get("NE_id"), custom.get("NE_text"))
    except ValueError as error:
        return f"no JSON: {error}"
    except (AttributeError, TypeError, LookupError, RecursionError):
        return "no cut with a supervision"


def _table(text: str) -> Iterator[tuple[int, Prompt | str]]:
    head, *rows = read_rows(text, PromptsRefused) or [Row(1, [])]
    names = [name.lower() for name in head.cells]
    if "text" not in names:
        raise PromptsRefused("the header has no column `text`; it takes text, and id, entity and entity_text where there are any")
    for row in rows:
        try:
            cells = named_cells(row, names, PromptsRefused)
        except PromptsRefused as error:
            yield row.line, str(error).partition(": ")[2]
            continue
        yield row.line, _prompt(*(cells.get(name) or None for name in ("id", "text", "entity", "entity_text")))


def _sentences(text: str) -> Iterator[tuple[int, Prompt | str]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, _prompt(None, line, None, None)


def _prompt(name: Any, text: Any, entity: Any, entity_text: Any) -> Prompt | str:
    if not isinstance(text, str) or not (text := unicodedata.normalize("NFC", " ".join(text.split()))):
        return "no text"
    name = name if name is not None else hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    if not isinstance(name, str | int) or isinstance(name, bool):
        return "its id is no text"
    if entity is not None and not isinstance(entity, str | int):
        return "its entity is no text"
    return Prompt(
        str(name).strip(), text, str(entity) if entity is not None else None, str(entity_text) if entity_text is not None else None
    )


def _problem(prompt: Prompt, seen: set[str]) -> str:
    if prompt.utterance in seen:
        return f"{prompt.utterance!r} is there twice"
    if not 0 < len(prompt.utterance) <= _LONGEST_ID or not prompt.utterance.isprintable():
        return f"an id has 1 to {_LONGEST_ID} letters"
    if len(prompt.text) > _LONGEST_TEXT or not prompt.text.isprintable():
        return f"a sentence has {_LONGEST_TEXT} letters at most, and none that cannot be printed"
    if len(prompt.entity or "") > _LONGEST_ID or len(prompt.entity_text or "") > _LONGEST_TEXT:
        return "its entity is too long"
    return ""
