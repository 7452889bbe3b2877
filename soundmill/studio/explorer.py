"""The prediction explorer: a table of a model's predictions beside their recordings, one recording after another, on this machine alone.

It answers as Pod.Cast's own explorer does: `/fetch/session` counts on from the session that was served last, `/load/session/N` gives one,
from 1, and whatever cannot be is a 400. Nothing is copied, and nothing is written.
"""

from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse, HTMLResponse, Response
from fastapi.templating import Jinja2Templates
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request

from soundmill.audio import read_samples
from soundmill.errors import UndecodableAudio
from soundmill.formats.podcast import SpanTable, TimedSpan
from soundmill.plots import figure, png, spectrogram

_TEMPLATES = Jinja2Templates(Path(__file__).parent / "templates")
_STATIC = Path(__file__).parent / "static"
_THIS_MACHINE = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"
_GREEN = "#35d07f"


def create_explorer(table: SpanTable, folder: Path) -> FastAPI:
    """The application for a table, and a folder with its recordings."""
    app = FastAPI(title="Soundmill explorer", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(CORSMiddleware, allow_origin_regex=_THIS_MACHINE)  # the original's own page may be served from elsewhere on it
    sessions = list(table.recordings().items())
    served = [0]

    def session(number: int) -> tuple[str, list[TimedSpan], Path]:
        if not 1 <= number <= len(sessions):
            raise HTTPException(400, f"sessions go from 1 to {len(sessions)}")
        name, spans = sessions[number - 1]
        path = folder / name
        if Path(name).name != name or not path.is_file():
            raise HTTPException(400, f"{folder} has no {name}")
        return name, spans, path

    @app.get("/fetch/session")
    @app.get("/fetch/session/")
    def fetch() -> dict[str, str]:
        return {"sessionid": str(served[0] + 1)}

    @app.get("/load/session/{number}")
    @app.get("/load/session//{number}")
    def load(request: Request, number: str) -> dict[str, Any]:
        if not (number.isascii() and number.isdigit()) or len(number) > 9:
            raise HTTPException(400, f"{number!r} is no session")
        name, spans, _ = session(int(number))
        served[0] = int(number)
        return {
            "uri": f"{request.base_url}audio/{number}.wav",
            "absolute_time": Path(name).stem,
            "source_guid": "",
            "annotations": [
                {"start_time_s": one.start_s, "duration_s": one.duration_s, "confidence": round(one.confidence, 3)} for one in spans
            ],
            "backend_state": {"written": int(number), "remaining": len(sessions) - int(number)},
        }

    @app.get("/audio/{number}.wav")
    def audio(number: int) -> FileResponse:
        return FileResponse(session(number)[2])

    @app.get("/picture/{number}.png")
    def picture(number: int) -> Response:
        _, spans, path = session(number)
        try:
            return Response(picture_of(path, spans), media_type="image/png")
        except UndecodableAudio as error:
            raise HTTPException(400, str(error)) from None

    @app.get("/studio.css")
    def style() -> FileResponse:
        return FileResponse(_STATIC / "studio.css")

    @app.get("/", response_class=HTMLResponse)
    def page(request: Request, sessionid: int = 1) -> HTMLResponse:
        name, spans, _ = session(sessionid)
        facts = {"number": sessionid, "last": len(sessions), "name": name, "spans": spans, "has_confidence": table.has_confidence}
        return _TEMPLATES.TemplateResponse(request, "explorer.html", facts)

    return app


def picture_of(path: Path, spans: list[TimedSpan]) -> bytes:
    """A recording's spectrogram as PNG, with a box and a confidence for each span."""
    samples, rate = read_samples(path.read_bytes())
    seconds = len(samples) / rate
    fig, axis = figure(min(60.0, max(9.0, seconds / 4)), 3.2)
    spectrogram(axis, np.asarray(samples) * 32_768, rate)
    top = rate / 2
    for place, one in enumerate(spans):
        axis.axvspan(one.start_s, one.start_s + one.duration_s, color=_GREEN, alpha=0.12 + 0.3 * min(max(one.confidence, 0), 1), lw=0)
        axis.text(one.start_s, top * (0.97 - 0.09 * (place % 3)), f"{one.confidence:.1f}", color="white", fontsize=7, va="top")
    axis.set(xlim=(0, seconds), ylim=(0, top), xlabel="seconds", ylabel="Hz")
    return png(fig)
