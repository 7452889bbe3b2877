"""Accounts of people and programs: roles, passwords (of which only hashes are kept), tokens, browser sessions, and failed logins."""

import hashlib
import re
import secrets
import threading
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from difflib import SequenceMatcher
from functools import cache
from typing import Any, Literal, get_args

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import Row, bindparam, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from soundmill.catalog.database import Catalog
from soundmill.catalog.schema import AccountRow, AccountSessionRow, AccountTokenRow, FailedLoginRow, UploadChangeRow
from soundmill.errors import AccountRefused, TooManyLogins, WrongCredentials

MOST_FAILURES, FAILURES_COUNT_FOR = 10, timedelta(minutes=5)
_MOST_FAILURES_OF_ADDRESS = 50
_SPACING = timedelta(seconds=10)  # between attempts after too many failures
_ATTEMPT_LOCK = 0x50_0D_41_13  # any constant but those of migrations and downloads
_USERNAME = re.compile(r"[\w.@+-]+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_TAKEN = "A user with that username already exists."
# letters of the Cyrillic, Greek and Armenian scripts, and digits, that are drawn like Latin ones (confusables of UTS 39, in lower case)
_LOOK_ALIKE = str.maketrans("аекорсухѕіјԁһԛԝьѵαονικρτυχγωηѡօսհոզցյ01", "aekopcyxsijdhqwbvaovikptuxywnwouhnqgjol")
_SHORTEST_PASSWORD, _LONGEST_PASSWORD = 8, 1024
_COMMON = 10_000  # ranks
_SEEN_EVERY = timedelta(seconds=30)  # how exactly the last use of a session is kept

Role = Literal["admin", "engineer", "annotator", "speaker", "client"]
ROLES: tuple[Role, ...] = get_args(Role)
# OWASP's second choice for Argon2id: 19 MiB, so that many who log in at once do not fill the memory
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_HASHING = threading.BoundedSemaphore(4)


_BY_SESSION = (
    select(AccountSessionRow.seen_at, AccountRow.id, AccountRow.username, AccountRow.email, AccountRow.roles, AccountRow.created_at)
    .select_from(AccountSessionRow)
    .outerjoin(AccountRow, AccountRow.id == AccountSessionRow.account)
    .where(AccountSessionRow.sha256 == bindparam("cookie"))
)  # every request of a page asks it: made once


@dataclass(frozen=True)
class Account:
    """A person, or a program.

    roles  admin (everything), engineer (runs and watches the pipeline), annotator (labels), speaker (records prompts), client (the
           transcriber's API)
    """

    id: int
    username: str
    email: str
    roles: tuple[Role, ...]
    created_at: datetime

    @property
    def is_admin(self) -> bool:
        """Whether it may do everything."""
        return "admin" in self.roles

    def has(self, *roles: Role) -> bool:
        """Whether it has one of these roles, or is an admin's."""
        return self.is_admin or bool(set(self.roles) & set(roles))


class Accounts:
    """Queries and writes of accounts."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def add(self, username: str, password: str, email: str = "", roles: Iterable[str] = ("client",)) -> Account:
        """Makes an account. Raises `AccountRefused`."""
        username = unicodedata.normalize("NFKC", username)
        wrong = {
            "username": _wrong_with_name(username),
            "email": _wrong_with_email(email),
            "password": wrong_with_password(password, (username, email)),
            "roles": _wrong_with_roles(wanted := _ordered(roles)),
        }
        if any(wrong.values()):
            raise AccountRefused({name: lines for name, lines in wrong.items() if lines})
        row = AccountRow(username=username, email=email, password_hash=_hashed(password), roles=wanted, created_at=datetime.now(UTC))
        try:
            with self._catalog.writing() as session:
                _refuse_taken(session, username)
                session.add(row)
                session.flush()
                return _account(row)
        except IntegrityError:
            raise AccountRefused({"username": [_TAKEN]}) from None

    def rename(self, account: Account, username: str) -> None:
        """Gives an account another name, also in the history of its recordings. Raises `AccountRefused`."""
        username = unicodedata.normalize("NFKC", username)
        if wrong := _wrong_with_name(username):
            raise AccountRefused({"username": wrong})
        try:
            with self._catalog.writing() as session:
                _refuse_taken(session, username, but=account.id)
                session.execute(update(AccountRow).where(AccountRow.id == account.id).values(username=username))
                theirs = (UploadChangeRow.username == account.username, UploadChangeRow.at >= account.created_at)
                session.execute(update(UploadChangeRow).where(*theirs).values(username=username))
        except IntegrityError:
            raise AccountRefused({"username": [_TAKEN]}) from None

    def set_email(self, account: Account, email: str) -> Account:
        """Gives an account another address. Raises `AccountRefused`."""
        if wrong := _wrong_with_email(email):
            raise AccountRefused({"email": wrong})
        with self._catalog.writing() as session:
            session.execute(update(AccountRow).where(AccountRow.id == account.id).values(email=email))
        return replace(account, email=email)

    def login(self, username: str, password: str, address: str) -> str:
        """A new token for who knows the password; those of earlier logins stay. Raises `WrongCredentials`, `TooManyLogins`."""
        account, token = self.authenticate(username, password, address), secrets.token_hex(20)
        with self._catalog.writing() as session:
            session.add(AccountTokenRow(sha256=_sha256(token), account=account.id, created_at=datetime.now(UTC)))
        return token

    def authenticate(self, username: str, password: str, address: str) -> Account:
        """Whose name and password these are. Raises `WrongCredentials`, `TooManyLogins`."""
        self._count_attempt(username, address)
        with self._catalog.reading() as session:
            row = session.scalar(select(AccountRow).where(AccountRow.username == username))
        if not _is_password(row.password_hash if row else _nobodys(), password) or row is None:
            raise WrongCredentials("Unable to log in with provided credentials.")
        self._forget_attempts(username, address)
        return _account(row)

    def check_secret(self, secret: str, given: str, name: str, address: str) -> bool:
        """Whether a secret of the settings was given; guesses are limited like those at an account's password. Raises `TooManyLogins`."""
        self._count_attempt(name, address)
        right = secrets.compare_digest(secret.encode(), given.encode(errors="surrogatepass"))
        if right:
            self._forget_attempts(name, address)
        return right

    def open_session(self, account: int | None) -> str:
        """A cookie for a browser that signs in, as an account or (None) with the studio's password."""
        cookie, now = secrets.token_urlsafe(32), datetime.now(UTC)
        with self._catalog.writing() as session:
            session.add(AccountSessionRow(sha256=_sha256(cookie), account=account, created_at=now, seen_at=now))
        return cookie

    def by_session(self, cookie: str, idle: timedelta) -> tuple[bool, Account | None]:
        """Whether a cookie's session is open, and whose it is (None: of the studio's password); it ends `idle` after its last use."""
        now = datetime.now(UTC)
        with self._catalog.reading() as session:
            found = session.execute(_BY_SESSION, {"cookie": _sha256(cookie)}).one_or_none()
        if found is None:
            return False, None
        seen_at, account = found.seen_at, None if found.id is None else _account(found)
        if not -idle < now - seen_at < idle:  # neither long ago, nor far in the future by a clock that was set back
            self.close_session(cookie)
            return False, None
        if abs(now - seen_at) > min(_SEEN_EVERY, idle / 4):
            with self._catalog.writing() as session:
                seen = update(AccountSessionRow).where(AccountSessionRow.sha256 == _sha256(cookie)).values(seen_at=now)
                session.execute(seen)
                session.execute(delete(AccountSessionRow).where(AccountSessionRow.seen_at < now - idle))
        return True, account

    def close_session(self, cookie: str) -> None:
        """Signs a browser out."""
        with self._catalog.writing() as session:
            session.execute(delete(AccountSessionRow).where(AccountSessionRow.sha256 == _sha256(cookie)))

    def by_token(self, token: str) -> Account | None:
        """Whose token this is."""
        query = select(AccountRow).join(AccountTokenRow, AccountTokenRow.account == AccountRow.id)
        with self._catalog.reading() as session:
            row = session.scalar(query.where(AccountTokenRow.sha256 == _sha256(token)))
            return None if row is None else _account(row)

    def logout(self, token: str) -> None:
        """Makes a token worthless."""
        with self._catalog.writing() as session:
            session.execute(delete(AccountTokenRow).where(AccountTokenRow.sha256 == _sha256(token)))

    def is_password(self, account: Account, password: str, address: str) -> bool:
        """Whether it is the account's. Raises `TooManyLogins`."""
        self._count_attempt(account.username, address)
        with self._catalog.reading() as session:
            kept = session.scalar(select(AccountRow.password_hash).where(AccountRow.id == account.id))
        right = kept is not None and _is_password(kept, password)
        if right:
            self._forget_attempts(account.username, address)
        return right

    def set_roles(self, username: str, roles: Iterable[str]) -> bool:
        """Gives an account these roles, and no others; says whether there is such an account. Raises `AccountRefused`, also where
        nobody would be left who can manage people."""
        wanted = _ordered(roles)
        if wrong := _wrong_with_roles(wanted):
            raise AccountRefused({"roles": wrong})
        with self._catalog.writing() as session:
            if "admin" not in wanted:
                self._keep_an_admin(session, username, wanted)
            change = update(AccountRow).where(AccountRow.username == username).values(roles=wanted)
            return session.execute(change.returning(AccountRow.id)).scalar() is not None

    def set_password(self, username: str, password: str, keep: str = "") -> bool:
        """Gives an account another password, and ends its sessions and tokens but one to keep; says whether there is such an account.

        Raises `AccountRefused`.
        """
        account = self.named(username)
        if account is None:
            return False
        if wrong := wrong_with_password(password, (username, account.email)):
            raise AccountRefused({"password": wrong})
        with self._catalog.writing() as session:
            session.execute(update(AccountRow).where(AccountRow.id == account.id).values(password_hash=_hashed(password)))
            for table in (AccountSessionRow, AccountTokenRow):
                session.execute(delete(table).where(table.account == account.id, table.sha256 != _sha256(keep)))
        return True

    def has_people(self) -> bool:
        """Whether there is an account that is more than a client's: then the studio's pages ask who one is."""
        return any(set(account.roles) - {"client"} for account in self.all())

    def remove(self, account: int) -> bool:
        """Deletes an account with its tokens, unless it has uploads; says whether it did."""
        try:
            with self._catalog.writing() as session:
                for table in (AccountSessionRow, AccountTokenRow):
                    session.execute(delete(table).where(table.account == account))
                session.execute(delete(AccountRow).where(AccountRow.id == account))
        except IntegrityError:
            return False
        return True

    def named(self, username: str) -> Account | None:
        """The account of that name."""
        with self._catalog.reading() as session:
            row = session.scalar(select(AccountRow).where(AccountRow.username == username))
            return None if row is None else _account(row)

    def all(self) -> list[Account]:
        """Every account, by name."""
        with self._catalog.reading() as session:
            return [_account(row) for row in session.scalars(select(AccountRow).order_by(AccountRow.username))]

    def count(self) -> int:
        """How many accounts there are."""
        with self._catalog.reading() as session:
            return session.scalar(select(func.count()).select_from(AccountRow)) or 0

    def _keep_an_admin(self, session: Session, username: str, wanted: list[str]) -> None:
        """Raises `AccountRefused` where this is the only admin, and with the roles wanted there would be people and no admin."""
        accounts = {row.username: row.roles for row in session.scalars(select(AccountRow))}
        is_admin = "admin" in accounts.get(username, ())
        after = [set(roles) for roles in (accounts | {username: wanted}).values()]
        if is_admin and any(roles - {"client"} for roles in after) and not any("admin" in roles for roles in after):
            raise AccountRefused({"roles": [f"{username} is the only admin: make another account admin first"]})

    def _count_attempt(self, username: str, address: str) -> None:
        """Notes an attempt before it is looked at, so that many at once are not all looked at. Raises `TooManyLogins`.

        After too many failures one attempt in ten seconds is looked at: guessing is slow, and who knows the password is not locked out.
        """
        now = datetime.now(UTC)
        since, most = now - FAILURES_COUNT_FOR, {_name(username, address): MOST_FAILURES, _address(address): _MOST_FAILURES_OF_ADDRESS}
        recent = select(FailedLoginRow.who, func.count(), func.max(FailedLoginRow.at)).where(FailedLoginRow.who.in_(most))
        with self._catalog.writing() as session:
            if self._catalog.engine.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
                session.execute(select(func.pg_advisory_xact_lock(_ATTEMPT_LOCK)))
            # also what lies far in the future, by a clock that was set back
            session.execute(delete(FailedLoginRow).where(or_(FailedLoginRow.at < since, FailedLoginRow.at > now + FAILURES_COUNT_FOR)))
            for who, count, last in session.execute(recent.group_by(FailedLoginRow.who)):
                if count >= most[who] and now - last < _SPACING:
                    raise TooManyLogins(1 + int((_SPACING - abs(now - last)).total_seconds()))
            session.add_all([FailedLoginRow(who=who, at=now) for who in most])

    def _forget_attempts(self, username: str, address: str) -> None:
        """Of who knows the password: all attempts at the name, and one of the address."""
        newest = select(func.max(FailedLoginRow.id)).where(FailedLoginRow.who == _address(address)).scalar_subquery()
        with self._catalog.writing() as session:
            session.execute(delete(FailedLoginRow).where(or_(FailedLoginRow.who == _name(username, address), FailedLoginRow.id == newest)))


def _name(username: str, address: str) -> str:
    """A name as guessed at from an address: who guesses elsewhere is nothing to its owner."""
    return f"name {_sha256(username)[:32]} from {address[:64]}"


def _address(address: str) -> str:
    return f"address {address[:64]}"


def wrong_with_password(password: str, about: Iterable[str] = ()) -> list[str]:
    """What speaks against a password, in the words of Django's validators, whose rules these are."""
    if len(password) > _LONGEST_PASSWORD or not password.isprintable():
        return [f"This password is longer than {_LONGEST_PASSWORD} characters, or holds some that cannot be printed."]
    wrong = []
    for fact in about:
        for part in {fact, *re.split(r"\W+", fact)}:
            if part and len(part) * 10 >= len(password) and SequenceMatcher(a=password.lower(), b=part.lower()).quick_ratio() >= 0.7:
                wrong = [f"The password is too similar to the {'email address' if '@' in fact else 'username'}."]
    if len(password) < _SHORTEST_PASSWORD:
        wrong.append(f"This password is too short. It must contain at least {_SHORTEST_PASSWORD} characters.")
    if _is_common(password):
        wrong.append("This password is too common.")
    if password.isdigit():
        wrong.append("This password is entirely numeric.")
    return wrong


def _wrong_with_name(username: str) -> list[str]:
    if not username:
        return ["This field may not be blank."]
    if len(username) > 150:
        return ["Ensure this field has no more than 150 characters."]
    if not _USERNAME.fullmatch(username):
        return ["Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters."]
    return []


def _wrong_with_email(email: str) -> list[str]:
    return [] if not email or (_EMAIL.fullmatch(email) and len(email) <= 254) else ["Enter a valid email address."]


def _refuse_taken(session: Session, username: str, but: int = 0) -> None:
    """Raises `AccountRefused` where another account's name is read as the same."""
    for number, taken in session.execute(select(AccountRow.id, AccountRow.username)):
        if number != but and taken != username and _looks(taken) == _looks(username):
            raise AccountRefused({"username": [f"This looks like another user's name, {taken}."]})


def _looks(username: str) -> str:
    """A name as people read it: without case, with letters of other scripts as those of ours that they look like."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username).casefold().translate(_LOOK_ALIKE))


def _ordered(roles: Iterable[str]) -> list[str]:
    given = {role.strip().lower() for role in roles if role.strip()}
    return [role for role in ROLES if role in given] + sorted(given - set(ROLES))


def _wrong_with_roles(roles: list[str]) -> list[str]:
    if unknown := [role for role in roles if role not in ROLES]:
        return [f"{', '.join(unknown)}: there is no such role; there are {', '.join(ROLES)}."]
    return [] if roles else [f"An account needs a role: {', '.join(ROLES)}."]


def _is_common(password: str) -> bool:
    from zxcvbn import zxcvbn

    found = zxcvbn(password[:72])["sequence"] if password else []
    return (
        len(found) == 1
        and found[0].get("dictionary_name") == "passwords"
        and found[0]["rank"] <= _COMMON
        and not found[0].get("l33t")
        and not found[0].get("reversed")
    )


def _hashed(password: str) -> str:
    with _HASHING:
        return _HASHER.hash(password)


def _is_password(kept: str, password: str) -> bool:
    if len(password) > _LONGEST_PASSWORD:
        return False
    try:
        with _HASHING:
            return _HASHER.verify(kept, password)
    except (VerifyMismatchError, InvalidHashError, UnicodeEncodeError):
        return False


@cache
def _nobodys() -> str:
    """The hash of a password that nobody knows: a name that does not exist takes as long to refuse as one that does."""
    return _hashed(secrets.token_hex(20))


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _account(row: AccountRow | Row[Any]) -> Account:
    return Account(row.id, row.username, row.email, tuple(row.roles), row.created_at)
