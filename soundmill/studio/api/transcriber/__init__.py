"""`/transcriber`: recordings over HTTP, transcribed and searched, with the fields and answers that clients of mp3.ai know.

Accounts and tokens are those of Django's djoser; answers are proper JSON, or the original's strings with `compat=1`. Here belongs HTTP;
what happens to a recording lies in `workflows/uploads`.
"""

from fastapi import APIRouter

from soundmill.studio.api.transcriber import accounts, admin, recordings

router = APIRouter(prefix="/transcriber", tags=["transcriber"])
for part in (accounts, recordings, admin):
    router.include_router(part.router)
