"""Speakers who read prompts, and their consents. Nobody gives a name: a speaker is a random id, known by a secret that only they have.

A consent is never changed; it is given, and it is withdrawn. Withdrawing is `workflows.erasure`'s, which takes the recordings with it.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from soundmill.catalog.database import Catalog
from soundmill.catalog.prompts import alone_in, forget_skips
from soundmill.catalog.schema import ConsentRow, ConsentTextRow, PromptRow, PromptSetRow, SpeakerRow
from soundmill.errors import ConsentNeeded, UnknownPrompts

Given = Literal["page", "operator"]


@dataclass(frozen=True)
class Speaker:
    """Somebody who reads prompts.

    id           random, as takes and file names have it
    username     the name that the original recorder's page sends; None for who came by our own
    withdrawn_at when they took everything back; their id and secret stay, so that they are told so, and all else of them goes
    """

    id: str
    username: str | None
    accent: str
    microphone: str
    created_at: datetime
    withdrawn_at: datetime | None = None

    @property
    def name(self) -> str:
        """As file names have it."""
        return self.username or self.id


@dataclass(frozen=True)
class Consent:
    """That a speaker consented to a set's recordings.

    text_sha256  of the text that was shown; `Speakers.text` has it
    purposes     what for: train, evaluate, publish
    of_age       that they said they are of age
    given        `page`: they ticked it; `operator`: who runs the recorder vouches for it
    """

    id: int
    speaker: str
    set: str
    text_sha256: str
    language: str
    licence: str
    purposes: tuple[str, ...]
    of_age: bool
    given: Given
    given_at: datetime
    withdrawn_at: datetime | None = None


class Speakers:
    """Queries and writes of speakers and consents."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def add(self) -> tuple[Speaker, str]:
        """A new speaker, and the secret by which they are known from now on: it is not kept, and nobody can tell it again."""
        secret = secrets.token_urlsafe(24)
        row = SpeakerRow(**_unknown(secret))
        with self._catalog.writing() as session:
            session.add(row)
            session.flush()
            return _speaker(row), secret

    def named(self, username: str) -> Speaker | None:
        """Who comes by the original's page under this name."""
        return self._one(SpeakerRow.username == username)

    def of_username(self, username: str) -> Speaker:
        """Who comes by the original's page under this name, known or new."""
        found = self.named(username)
        if found is None:
            with self._catalog.writing() as session:
                values = _unknown(secrets.token_urlsafe(24)) | {"username": username}
                session.execute(self._catalog.insert(SpeakerRow).values(**values).on_conflict_do_nothing(index_elements=["username"]))
            found = self.named(username)
        assert found is not None
        return found

    def by_secret(self, secret: str) -> Speaker | None:
        """Who knows this secret."""
        return self._one(SpeakerRow.secret_sha256 == _hash(secret))

    def get(self, name: str) -> Speaker:
        """By id. Raises `UnknownPrompts`."""
        found = self._one(SpeakerRow.id == name)
        if found is None:
            raise UnknownPrompts(f"there is no speaker {name!r}")
        return found

    def new_secret(self, speaker: Speaker) -> str:
        """Another secret in place of one that was lost, or that somebody else has seen."""
        secret = secrets.token_urlsafe(24)
        with self._catalog.writing() as session:
            session.execute(update(SpeakerRow).where(SpeakerRow.id == speaker.id).values(secret_sha256=_hash(secret)))
        return secret

    def describe(self, speaker: Speaker, accent: str, microphone: str) -> None:
        """What a speaker says of their accent and microphone: it is kept with the takes from now on."""
        change = update(SpeakerRow).where(SpeakerRow.id == speaker.id, SpeakerRow.withdrawn_at.is_(None))
        accent, microphone = (text.replace("\0", "")[:200] for text in (accent, microphone))
        with self._catalog.writing() as session:
            session.execute(change.values(accent=accent, microphone=microphone))

    def consent(
        self, speaker: Speaker, name: str, text: str, language: str, licence: str, purposes: Sequence[str], of_age: bool, given: Given
    ) -> Consent:
        """Notes a consent; the same one again is that one. Raises `ConsentNeeded` from who withdrew."""
        sha256, now = _hash(text), datetime.now(UTC)
        with self._catalog.writing() as session:
            self._catalog.alone(session, f"speaker {speaker.id}")
            if session.get_one(SpeakerRow, speaker.id).withdrawn_at is not None:
                raise ConsentNeeded("you withdrew your consent, and your recordings are deleted: begin anew, as another speaker")
            known = self._living(session, speaker.id, name, sha256)
            if known is not None and sorted(known.purposes) == sorted(purposes):
                return known
            row = self._catalog.insert(ConsentTextRow).values(sha256=sha256, text=text)
            session.execute(row.on_conflict_do_nothing(index_elements=["sha256"]))
            terms = {
                "language": language,
                "licence": licence,
                "purposes": list(purposes),
                "of_age": of_age,
                "given": given,
                "given_at": now,
            }
            fresh = ConsentRow(speaker=speaker.id, set=name, text_sha256=sha256, **terms)
            session.add(fresh)
            session.flush()
            return _consent(fresh)

    def living(self, speaker: Speaker, name: str, text_sha256: str) -> Consent | None:
        """A speaker's consent to a set with the text that it has now; None where there is none, or not any longer."""
        with self._catalog.reading() as session:
            return self._living(session, speaker.id, name, text_sha256)

    def consents(self, speaker: str | None = None, name: str | None = None) -> list[Consent]:
        """Consents of a speaker or of all, to a set or to all, in order of time."""
        query = select(ConsentRow).order_by(ConsentRow.id)
        query = query if speaker is None else query.where(ConsentRow.speaker == speaker)
        query = query if name is None else query.where(ConsentRow.set == name)
        with self._catalog.reading() as session:
            return [_consent(row) for row in session.scalars(query)]

    def text(self, sha256: str) -> str:
        """The text that was consented to. Raises `UnknownPrompts`."""
        with self._catalog.reading() as session:
            row = session.get(ConsentTextRow, sha256)
            if row is None:
                raise UnknownPrompts("no consent has this text")
            return row.text

    def withdraw(self, speaker: Speaker) -> None:
        """Ends every consent of a speaker, and forgets what they told of themselves; what they hold is free. Their takes go by erasure."""
        now = datetime.now(UTC)
        with self._catalog.writing() as session:
            self._catalog.alone(session, f"speaker {speaker.id}")
            for name in session.scalars(select(ConsentRow.set).where(ConsentRow.speaker == speaker.id).distinct().order_by(ConsentRow.set)):
                alone_in(self._catalog, session, name)
            living = update(ConsentRow).where(ConsentRow.speaker == speaker.id, ConsentRow.withdrawn_at.is_(None))
            session.execute(living.values(withdrawn_at=now))
            row = session.get_one(SpeakerRow, speaker.id)
            row.username, row.accent, row.microphone, row.withdrawn_at = None, "", "", row.withdrawn_at or now
            held = update(PromptRow).where(PromptRow.held_by == speaker.id).values(held_by=None, held_until=None)
            session.execute(held.execution_options(synchronize_session=False))
            forget_skips(session, speaker.id)

    def _living(self, session: Session, speaker: str, name: str, text_sha256: str) -> Consent | None:
        if session.get(PromptSetRow, name) is None:
            raise UnknownPrompts(f"there is no prompt set {name!r}")
        mine = (ConsentRow.speaker == speaker, ConsentRow.set == name, ConsentRow.withdrawn_at.is_(None))
        row = session.scalar(select(ConsentRow).where(*mine, ConsentRow.text_sha256 == text_sha256).order_by(ConsentRow.id.desc()).limit(1))
        return None if row is None else _consent(row)

    def _one(self, condition: object) -> Speaker | None:
        with self._catalog.reading() as session:
            row = session.scalar(select(SpeakerRow).where(condition))  # type: ignore[arg-type]
            return None if row is None else _speaker(row)


def _unknown(secret: str) -> dict[str, Any]:
    """The row of somebody of whom nothing is known but a secret."""
    named = {"id": secrets.token_hex(8), "secret_sha256": _hash(secret), "created_at": datetime.now(UTC)}
    return {**named, "accent": "", "microphone": ""}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _speaker(row: SpeakerRow) -> Speaker:
    return Speaker(row.id, row.username, row.accent, row.microphone, row.created_at, row.withdrawn_at)


def _consent(row: ConsentRow) -> Consent:
    return Consent(
        row.id, row.speaker, row.set, row.text_sha256, row.language, row.licence, tuple(row.purposes), row.of_age, cast(Given, row.given),
        row.given_at, row.withdrawn_at,
    )  # fmt: skip
