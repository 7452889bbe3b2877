"""Names of files made from any text."""

import hashlib
import unicodedata
from urllib.parse import quote, unquote

_FORBIDDEN = frozenset('/\\:*?"<>|%')  # by one file system or another; % because it spells the others out
_LONGEST = 200  # bytes: file systems take 255, and endings are still to come


def file_name(text: str) -> str:
    """A file's name for a text: readable in any script, another one for any other text, and `text_of_name` gives the text back.

    What no file system takes is spelled out as in a URL (`a/b` is `a%2Fb`); only of names longer than 200 bytes the end is a hash.
    """
    name = "".join(_spelled_out(letter) if _is_forbidden(letter) else letter for letter in text)
    for edge in (0, -1):
        if name and name[edge] in ". ":
            name = f"%{ord(name[0]):02X}{name[1:]}" if edge == 0 else f"{name[:-1]}%{ord(name[-1]):02X}"
    if len(name.encode("utf-8", "surrogatepass")) <= _LONGEST:
        return name or "%"
    short = name.encode("utf-8", "surrogatepass")[: _LONGEST - 17].decode("utf-8", "ignore")
    return f"{short}~{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def text_of_name(name: str) -> str:
    """The text that `file_name` made a name of."""
    return "" if name == "%" else unquote(name, errors="surrogatepass")


def plain_name(text: str, longest: int = 120) -> str:
    """Letters, digits and `._-` of a text, in any script; all else becomes `_`, and from the front what is too long is cut off (in bytes).

    For names that need not be unique, such as what follows the moment of a landed file.
    """
    kept = "".join(letter if letter in "._-" or unicodedata.category(letter)[0] in "LNM" else "\0" for letter in text)
    name = "_".join(part for part in kept.split("\0") if part) if "\0" in kept else kept
    name = ("_" if kept.startswith("\0") and not name.startswith("_") else "") + name
    return name.lstrip(".").encode("utf-8", "replace")[-longest:].decode("utf-8", "ignore")


def _is_forbidden(letter: str) -> bool:
    return letter in _FORBIDDEN or unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")


def _spelled_out(letter: str) -> str:
    return quote(letter.encode("utf-8", "surrogatepass"), safe="")
