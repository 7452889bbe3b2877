"""What the pages' scripts were built to: their addresses, and how long browsers may keep them."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"
BUILT = STATIC / "built"
MANIFEST = "meta.json"


@dataclass(frozen=True)
class Script:
    """A page's script and style sheets, as addresses."""

    script: str
    styles: tuple[str, ...]


def built(name: str) -> Script | None:
    """What the page's script was built to; None where nothing was built, as without an npm registry at set-up."""
    manifest = BUILT / MANIFEST
    try:
        return _read(manifest, manifest.stat().st_mtime_ns).get(name)
    except OSError:
        return None


@lru_cache(maxsize=1)
def _read(manifest: Path, _: int) -> dict[str, Script]:
    """Scripts by the name of the page; read anew when the manifest is written anew."""
    found = {}
    for path, output in json.loads(manifest.read_text())["outputs"].items():
        if entry := output.get("entryPoint"):
            styles = (f"/static/built/{Path(output['cssBundle']).name}",) if "cssBundle" in output else ()
            found[Path(entry).stem] = Script(f"/static/built/{Path(path).name}", styles)
    return found


class StaticAssets(StaticFiles):
    """Static files; built ones have a hash in their name, and may be kept for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """As of any static file."""
        answer = await super().get_response(path, scope)
        if path.startswith("built/") and answer.status_code == 200:
            answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return answer
