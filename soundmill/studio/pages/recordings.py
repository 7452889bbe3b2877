"""`/recordings`: everybody's uploaded recordings, the newest first, with their state and transcripts."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from soundmill.catalog import Accounts, Uploads
from soundmill.errors import NoSpeechModel
from soundmill.settings import Settings
from soundmill.speech import transcriber
from soundmill.studio.auth import User, page_for
from soundmill.studio.pages.rendering import page

router = APIRouter()
_MOST_RECORDINGS = 100


@router.get("/recordings", response_class=HTMLResponse)
def recordings(
    request: Request,
    viewer: Annotated[User, Depends(page_for("engineer"))],
    user: str | None = None,
    state: str | None = None,
    search: str = "",
) -> HTMLResponse:
    """A hundred of them, of an account, in a state, or with a word in name, keywords or transcript."""
    uploads = Uploads(request.app.state.catalog)
    search = search.replace("\0", "")
    listed, number = uploads.listed(username=user or None, state=state or None, search=search, limit=_MOST_RECORDINGS)
    return page(
        request,
        "recordings.html",
        viewer,
        recordings=listed,
        number=number,
        counts=uploads.counts(),
        accounts=Accounts(request.app.state.catalog).all(),
        chosen={"user": user, "state": state, "search": search},
        model=_speech_model(request.app.state.settings),
    )


def _speech_model(settings: Settings) -> str:
    try:
        return transcriber(settings.vosk_folder).model
    except NoSpeechModel as error:
        return str(error)
