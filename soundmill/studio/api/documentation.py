"""The page and the OpenAPI description of one API by itself, as the originals had them: `docs` and `openapi.json` below its prefix."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

_OFFLINE = "/static-offline-docs"  # where fastapi-offline serves the page's own files


def documentation(api: APIRouter) -> APIRouter:
    """Routes with the documentation of an API, under the same prefix."""
    router = APIRouter(prefix=api.prefix, include_in_schema=False)

    @router.get("/openapi.json")
    async def description(request: Request) -> dict[str, Any]:
        return _part(request.app, api.prefix)

    @router.get("/docs")
    async def page(request: Request) -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url=f"{api.prefix}/openapi.json",
            title=f"{request.app.title} {api.prefix}",
            swagger_js_url=f"{_OFFLINE}/swagger-ui-bundle.js",
            swagger_css_url=f"{_OFFLINE}/swagger-ui.css",
            swagger_favicon_url="/static/favicon.svg",
        )

    return router


def _part(app: FastAPI, prefix: str) -> dict[str, Any]:
    """Of the whole description, the paths below a prefix."""
    whole = app.openapi()
    return {**whole, "paths": {path: found for path, found in whole["paths"].items() if path.startswith(f"{prefix}/")}}
