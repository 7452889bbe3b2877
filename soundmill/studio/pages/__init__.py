"""The studio's pages, a module each: what people open in a browser.

Here belongs which facts a page shows and what its forms do. How it looks lies in `templates/` and `static/`, who may see it in `auth.py`.
"""

from fastapi import APIRouter

from soundmill.studio.pages import annotate, models, overview, people, record, recordings, releases, rounds, sign_in, sources

router = APIRouter(include_in_schema=False)
for page in (overview, annotate, rounds, models, releases, record, sources, recordings, people, sign_in):
    router.include_router(page.router)
