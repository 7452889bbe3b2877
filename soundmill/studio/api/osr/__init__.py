"""`/osr`: Buddybork's data API, on the same data. A client of the original works with its base URL changed to `http://host:8000/osr`.

Data routes are POST with an empty body; their arguments are in the path. Moments are local (SOUNDMILL_TIMEZONE). Here belongs how the
original spells things; what is done lies in the folders that our own pages use.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from soundmill.capture.sources import BLOCK
from soundmill.settings import Settings
from soundmill.studio.api.osr import annotator, models, sound, words
from soundmill.studio.api.osr.float_wav import float_wav
from soundmill.studio.auth import COOKIE, User, page_for
from soundmill.studio.pages.sign_in import sign_in, sign_out

_PERSON = page_for("engineer", "annotator")
router = APIRouter(prefix="/osr", tags=["osr"])
_data = APIRouter(dependencies=[Depends(_PERSON)])
for _part in (sound.router, annotator.router, models.router):
    _data.include_router(_part)


@_data.get("/meta", summary="How sound is captured")
@_data.post("/meta", summary="How sound is captured")
def meta(request: Request) -> dict[str, Any]:
    """The constants of the original's capture."""
    settings: Settings = request.app.state.settings
    seconds = settings.segment_samples / settings.segment_rate
    return {
        "DEVICE_NAME": "hub",
        "NUM_CHANNELS": 1,
        "SAMPLERATE": settings.segment_rate,
        "BLOCKSIZE": BLOCK,
        "BUFF_DUR_DESIRED": round(seconds),
        "NUM_BLOCKS_IN_BUFF": round(settings.segment_samples / BLOCK),
        "BUFF_LEN": settings.segment_samples,
        "BUFF_DUR": seconds,
    }


@_data.get("/assets/macroseg_{at}.wav", summary="A macrosegment's sound", response_class=Response)
def macrosegment_wav(request: Request, at: str, source: sound.Source) -> Response:
    """Mono, 32-bit float, 44.1 kHz, five segments. It is made when it is asked for, and kept nowhere."""
    samples = sound.macrosegment(request, source, words.moment(at, sound.zone_of(request)))
    return Response(float_wav(samples, sound.RATE), media_type="audio/wav", headers={"Cache-Control": "no-store"})


@router.post("/dashboard", summary="Sign in", response_class=HTMLResponse)
def dashboard(request: Request, username: Annotated[str, Form()] = "", password: Annotated[str, Form()] = "") -> Response:
    """With a form of username and password: a session cookie and the first page, or the sign-in page."""
    answer = sign_in(request, password, username, "/")
    if not isinstance(answer, RedirectResponse):
        return answer
    signed = HTMLResponse('<!DOCTYPE html><title>Soundmill</title><p>Signed in. <a href="/">The dashboard</a></p>')
    signed.headers["set-cookie"] = answer.headers["set-cookie"]
    return signed


@router.get("/logout", summary="Sign out")
def logout(request: Request) -> Response:
    """Ends the session, and leads to the sign-in page."""
    return sign_out(request) if request.cookies.get(COOKIE) else RedirectResponse("/sign-in", 303)


def _leads_to(place: str) -> Any:
    def page(user: Annotated[User, Depends(_PERSON)]) -> Response:
        """Leads to the page of the studio that has taken this one's place."""
        return RedirectResponse(place, 303)

    return page


for _path, _place in {"/": "/", "/dashboard": "/", "/annotator": "/annotate", "/trainer": "/"}.items():
    router.add_api_route(_path, _leads_to(_place), methods=["GET"], include_in_schema=False)
router.include_router(_data)
