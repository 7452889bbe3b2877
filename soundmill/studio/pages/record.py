"""`/record`: prompt sets to read; `/record/SET`: one sentence after another; `/record/SET/takes`: what came of it, to hear and to judge;
`/my-recordings`: what somebody has read, for who knows their link."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from soundmill.catalog import Prompts
from soundmill.errors import PromptsRefused, SpecRefused, UnknownPrompts
from soundmill.prompts.reading import form_of, read_prompts
from soundmill.prompts.spec import CONSENT, PURPOSES, PromptSetSpec, check_name, prompt_set_spec
from soundmill.studio.auth import User, page_for
from soundmill.studio.pages.rendering import page
from soundmill.wording import count

router = APIRouter()
Speaker = Annotated[User, Depends(page_for("speaker", "engineer", "annotator"))]
Reviewer = Annotated[User, Depends(page_for("engineer", "annotator"))]
Engineer = Annotated[User, Depends(page_for("engineer"))]
Text = Annotated[str, Form(max_length=50_000)]
_MOST_BYTES = 1 << 20
_SHOWN = 200


@router.get("/record", response_class=HTMLResponse)
def sets(request: Request, user: Speaker) -> HTMLResponse:
    """Every prompt set with how far it is; for engineers, a form for another one."""
    return _list(request, user)


@router.post("/record", response_class=HTMLResponse)
def add(
    request: Request,
    user: Engineer,
    name: Text,
    sentences: Text = "",
    file: Annotated[UploadFile | None, File()] = None,
    language: Text = "en",
    licence: Text = "internal",
    consent: Text = CONSENT,
    instructions: Text = "",
    takes: Annotated[int, Form()] = 1,
    purposes: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Adds a set, or sentences to one that is there, whose terms stay."""
    given = {"name": name, "sentences": sentences, "language": language, "licence": licence, "consent": consent}
    try:
        values: dict[str, Any] = {"language": language.strip(), "licence": licence.strip(), "consent": consent.strip()}
        values |= {"instructions": instructions, "takes": takes, "purposes": purposes or []}
        spec, name, store = prompt_set_spec(values), check_name(name.strip()), Prompts(request.app.state.catalog)
        if known := next((one for one in store.all() if one.name == name), None):  # who adds sentences changes no consent
            spec = PromptSetSpec.of(known)
        data = file.file.read(_MOST_BYTES + 1) if file is not None and file.filename else sentences.encode()
        prompts, bad = read_prompts(data, form_of(file.filename or "") if file is not None and file.filename else "text")
        if not prompts:
            raise PromptsRefused("there is no sentence in it" + (f": line {bad[0].number}: {bad[0].why}" if bad else ""))
        done = store.define(name, spec.model_dump(mode="json"), prompts)
    except (SpecRefused, PromptsRefused) as error:
        return _list(request, user, error, given)
    left = [f"line {one.number}: {one.why}" for one in bad] + [f"{one}: {why}" for one, why in done.refused.items()]
    if left:
        said = PromptsRefused(f"{count(done.added, 'sentence')} added; {len(left)} left out: {'; '.join(left[:5])}")
        return _list(request, user, said, status=200)
    return RedirectResponse("/record", 303)


@router.get("/record/{name}", response_class=HTMLResponse)
def record(request: Request, user: Speaker, name: str) -> HTMLResponse:
    """A set's sentences, one after another."""
    try:
        spec = PromptSetSpec.of(Prompts(request.app.state.catalog).get(name))
    except UnknownPrompts as error:
        return _list(request, user, error, status=404)
    return page(request, "record.html", user, title=spec.title or name, name=name, base="/api/record")


@router.get("/record/{name}/takes", response_class=HTMLResponse)
def takes(request: Request, user: Reviewer, name: str) -> HTMLResponse:
    """How far a set is, and its takes to hear, accept and reject."""
    try:
        told = Prompts(request.app.state.catalog).progress(name)
    except UnknownPrompts as error:
        return _list(request, user, error, status=404)
    return page(request, "takes.html", user, name=name, told=told)


@router.get("/my-recordings", response_class=HTMLResponse)
def my_recordings(request: Request) -> HTMLResponse:
    """What a speaker has read: their secret is behind the # of the link, where no server sees it."""
    return page(request, "my_recordings.html", None)


def _list(
    request: Request, user: User, problem: Exception | None = None, given: dict[str, str] | None = None, status: int | None = None
) -> HTMLResponse:
    store = Prompts(request.app.state.catalog)
    rows = [(one.name, PromptSetSpec.of(one), store.progress(one.name)) for one in store.all()[:_SHOWN]]
    facts = {"rows": rows, "problem": problem, "given": given or {}, "consent": CONSENT, "purposes": PURPOSES, "quote": quote}
    code = status or (400 if problem else 200)
    return page(
        request, "prompt_sets.html", user, code, may_define=user.has("engineer"), may_review=user.has("engineer", "annotator"), **facts
    )
