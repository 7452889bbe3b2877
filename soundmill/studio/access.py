"""Who may do what: a token for the APIs, a password for the pages; neither is asked for where none is set."""

import secrets
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer
from pydantic import SecretStr

BEARER = HTTPBearer(auto_error=False, description="SOUNDMILL_API_TOKEN, where it is set")
_BASIC = HTTPBasic(auto_error=False)


def token(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]) -> None:
    """Refuses with 401 a request without the right token."""
    if not is_right(request.app.state.settings.api_token, given.credentials if given else None):
        raise HTTPException(401, "this API asks for a token: Authorization: Bearer ...", {"WWW-Authenticate": "Bearer"})


def password(request: Request, given: Annotated[HTTPBasicCredentials | None, Depends(_BASIC)]) -> None:
    """Refuses with 401 a page to who does not know the password; any user name will do."""
    if not is_right(request.app.state.settings.studio_password, given.password if given else None):
        raise HTTPException(401, "the studio asks for a password", {"WWW-Authenticate": 'Basic realm="Soundmill studio"'})


def is_right(secret: SecretStr | None, given: str | None) -> bool:
    """Whether what was given is the secret; anything is where there is none."""
    return secret is None or secrets.compare_digest(secret.get_secret_value().encode(), (given or "").encode())
