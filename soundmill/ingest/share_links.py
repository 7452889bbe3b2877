"""Links that people share, turned into links that give the file: Google Drive and Dropbox."""

import re
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit, urlunsplit

DRIVE = "https://drive.usercontent.google.com"
_DRIVE_PAGES = {"drive.google.com", "docs.google.com"}


def direct_link(url: str) -> str:
    """The link to the file itself where `url` is a known service's link to a page about it; else `url` unchanged."""
    parts = urlsplit(url)
    host, query = (parts.hostname or "").lower(), parse_qs(parts.query)
    if host in _DRIVE_PAGES:
        match = re.search(r"/file/(?:u/\d+/)?d/([\w-]+)", parts.path)
        file_id = match.group(1) if match else query.get("id", [""])[0]
        if file_id:
            wanted = {"id": file_id, "export": "download", "confirm": "t"}
            if key := query.get("resourcekey"):
                wanted["resourcekey"] = key[0]
            return f"{DRIVE}/download?{urlencode(wanted)}"
    if host in ("dropbox.com", "www.dropbox.com"):
        kept = {name: values[0] for name, values in query.items() if name not in ("dl", "raw")}
        return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode({**kept, "dl": "1"}), ""))
    return url


def is_drive(url: str) -> bool:
    """Whether Google Drive answers there."""
    host = (urlsplit(url).hostname or "").lower()
    return host in _DRIVE_PAGES or host == urlsplit(DRIVE).hostname


def confirmed_link(page: str, url: str) -> str | None:
    """Where the button "download anyway" of Drive's page about files too large to scan leads; None where there is no such button."""
    form = _DownloadForm()
    form.feed(page)
    if form.action is None:
        return None
    action = urljoin(url, form.action)
    return f"{action}{'&' if urlsplit(action).query else '?'}{urlencode(form.fields)}"


class _DownloadForm(HTMLParser):
    """The form `download-form` and its hidden fields."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form" and values.get("id") in ("download-form", "downloadForm"):
            self.action, self._inside = values.get("action") or "", True
        elif tag == "input" and self._inside and values.get("name"):
            self.fields[str(values["name"])] = values.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
