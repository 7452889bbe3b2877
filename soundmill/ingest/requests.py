"""Lists of what to download, as people keep them: CSV with a line for each call, or for each file."""

from dataclasses import dataclass

from soundmill.catalog import Wanted
from soundmill.errors import RequestListRefused, RequestRefused
from soundmill.formats.spreadsheets import named_cells, read_rows
from soundmill.ingest.pairs import AGENT, CUSTOMER

DEFAULT_SPEAKER = "speaker"
_IDS = ("conversation_id", "conversation", "id")
_SPEAKERS = ("speaker_label", "speaker")
_URLS = ("audio_url", "url")


@dataclass(frozen=True)
class RequestList:
    """What a file asks for, in its order; `refused` names lines that cannot be carried out, `skipped` counts lines without an id."""

    wanted: tuple[Wanted, ...]
    refused: tuple[str, ...]
    skipped: int


def read_requests(text: str) -> RequestList:
    """Reads either form of CSV.

    A line for each call: conversation_id, agent_url, customer_url, and what else there is (customer_filename, agent_filename);
    one of the two URLs may be empty. A line for each file: conversation_id (or id), speaker, url; also without a header line.
    Raises `RequestListRefused`.
    """
    lines = read_rows(text, RequestListRefused)
    if not lines:
        return RequestList((), (), 0)
    names = [name.lower() for name in lines[0].cells]
    by_call = {"agent_url", "customer_url"} & set(names)
    if len(names) == 3 and "://" in names[2]:
        names, body = ["id", "speaker", "url"], lines
    else:
        body = lines[1:]
    if not set(_IDS) & set(names) or not (by_call or set(_URLS) & set(names)):
        raise RequestListRefused("the header needs conversation_id with agent_url and customer_url, or id, speaker and url")
    wanted: list[Wanted] = []
    refused: list[str] = []
    skipped = 0
    for row in body:
        try:
            values = named_cells(row, names, RequestRefused)
        except RequestRefused as error:
            refused.append(str(error))
            continue
        conversation = _first(values, _IDS)
        if not conversation:
            skipped += 1
            continue
        if by_call:
            files = [(speaker, values.get(f"{speaker}_url", "")) for speaker in (AGENT, CUSTOMER)]
            files = [(speaker, url) for speaker, url in files if url] or [(AGENT, "")]
        else:
            files = [(_first(values, _SPEAKERS) or DEFAULT_SPEAKER, _first(values, _URLS))]
        for speaker, url in files:
            try:
                wanted.append(Wanted(conversation, speaker, url))
            except RequestRefused as error:
                refused.append(f"line {row.line}: {error}")
    return RequestList(tuple(wanted), tuple(dict.fromkeys(refused)), skipped)


def _first(values: dict[str, str], names: tuple[str, ...]) -> str:
    return next((values[name] for name in names if values.get(name)), "")
