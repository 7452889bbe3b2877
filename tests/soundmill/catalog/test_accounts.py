"""Accounts: roles, passwords, sessions that end, and guesses that are slowed down."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from soundmill.catalog import Accounts, Catalog
from soundmill.catalog.schema import AccountSessionRow, FailedLoginRow
from soundmill.errors import AccountRefused, TooManyLogins, WrongCredentials

PASSWORD = "correct-horse-9"
HOUR = timedelta(hours=1)


@pytest.fixture
def accounts(catalog: Catalog) -> Accounts:
    return Accounts(catalog)


def test_an_account_has_the_roles_it_is_given_and_admins_have_all(accounts: Accounts) -> None:
    ann = accounts.add("ann", PASSWORD, roles=["speaker", "annotator"])
    assert ann.roles == ("annotator", "speaker")
    assert ann.has("annotator")
    assert not ann.has("engineer", "admin")
    assert accounts.add("bo", PASSWORD, roles=["admin"]).has("engineer")
    assert accounts.add("client", PASSWORD).roles == ("client",)


@pytest.mark.parametrize(("roles", "wrong"), [(["king"], "king: there is no such role"), ([], "needs a role")])
def test_roles_that_are_none_are_refused(accounts: Accounts, roles: list[str], wrong: str) -> None:
    with pytest.raises(AccountRefused, match=wrong):
        accounts.add("ann", PASSWORD, roles=roles)
    accounts.add("ann", PASSWORD)
    with pytest.raises(AccountRefused, match=wrong):
        accounts.set_roles("ann", roles)


def test_people_are_accounts_that_are_more_than_clients(accounts: Accounts) -> None:
    accounts.add("program", PASSWORD)
    assert not accounts.has_people()
    accounts.add("ann", PASSWORD, roles=["annotator"])
    assert accounts.has_people()


def test_the_last_admin_stays_one_while_there_are_other_people(accounts: Accounts) -> None:
    accounts.add("ann", PASSWORD, roles=["admin"])
    accounts.add("bo", PASSWORD, roles=["annotator"])
    with pytest.raises(AccountRefused, match="only admin"):
        accounts.set_roles("ann", ["engineer"])
    assert accounts.set_roles("bo", ["admin"])
    assert accounts.set_roles("ann", ["engineer"])
    assert not accounts.set_roles("nobody", ["client"])


def test_a_session_lasts_while_it_is_used_and_ends_an_hour_after(accounts: Accounts, catalog: Catalog) -> None:
    ann = accounts.add("ann", PASSWORD, roles=["annotator"])
    cookie = accounts.open_session(ann.id)
    assert accounts.by_session(cookie, HOUR) == (True, ann)
    _last_used(catalog, timedelta(minutes=50))
    assert accounts.by_session(cookie, HOUR) == (True, ann)  # which counts as a use
    _last_used(catalog, timedelta(minutes=50))
    assert accounts.by_session(cookie, HOUR) == (True, ann)
    _last_used(catalog, timedelta(minutes=61))
    assert accounts.by_session(cookie, HOUR) == (False, None)
    assert accounts.by_session(cookie, timedelta(days=1)) == (False, None)  # it is gone for good


def _last_used(catalog: Catalog, ago: timedelta) -> None:
    with catalog.writing() as session:
        session.execute(update(AccountSessionRow).values(seen_at=datetime.now(UTC) - ago))


def test_a_session_of_the_future_by_a_clock_that_was_set_back_is_none(accounts: Accounts, catalog: Catalog) -> None:
    cookie = accounts.open_session(None)
    assert accounts.by_session(cookie, HOUR) == (True, None)
    _last_used(catalog, -timedelta(hours=2))
    assert accounts.by_session(cookie, HOUR) == (False, None)


def test_only_the_cookie_itself_opens_a_session_and_signing_out_ends_it(accounts: Accounts) -> None:
    cookie = accounts.open_session(accounts.add("ann", PASSWORD).id)
    for guess in ("", cookie[:-1], cookie.upper()):
        assert accounts.by_session(guess, HOUR) == (False, None)
    accounts.close_session(cookie)
    assert accounts.by_session(cookie, HOUR) == (False, None)


def test_another_password_signs_out_everywhere(accounts: Accounts) -> None:
    ann = accounts.add("ann", PASSWORD, roles=["admin"])
    cookie, token = accounts.open_session(ann.id), accounts.login("ann", PASSWORD, "here")
    with pytest.raises(AccountRefused, match="too short"):
        accounts.set_password("ann", "short")
    assert accounts.set_password("ann", "other-horse-10")
    assert accounts.by_session(cookie, HOUR) == (False, None)
    assert accounts.by_token(token) is None
    with pytest.raises(WrongCredentials):
        accounts.authenticate("ann", PASSWORD, "here")
    assert accounts.authenticate("ann", "other-horse-10", "here").username == "ann"
    assert not accounts.set_password("nobody", "other-horse-10")


def test_a_removed_account_takes_its_sessions_along(accounts: Accounts) -> None:
    ann = accounts.add("ann", PASSWORD)
    cookie = accounts.open_session(ann.id)
    assert accounts.remove(ann.id)
    assert accounts.by_session(cookie, HOUR) == (False, None)


def test_guesses_at_a_secret_of_the_settings_are_limited_too(accounts: Accounts) -> None:
    for _ in range(10):
        assert not accounts.check_secret("open sesame", "open", "the door", "here")
    with pytest.raises(TooManyLogins):
        accounts.check_secret("open sesame", "open sesame", "the door", "here")
    assert accounts.check_secret("open sesame", "open sesame", "the door", "elsewhere")
    assert accounts.check_secret("öffne", "öffne", "another door", "there")


def test_who_knows_the_password_is_let_in_ten_seconds_after_a_hundred_guesses(accounts: Accounts, catalog: Catalog) -> None:
    accounts.add("ann", PASSWORD)
    for _ in range(10):
        with pytest.raises(WrongCredentials):
            accounts.authenticate("ann", "guess-guess", "here")
    with pytest.raises(TooManyLogins) as refused:
        accounts.authenticate("ann", PASSWORD, "here")
    assert 0 < refused.value.retry_after <= 10
    assert accounts.authenticate("ann", PASSWORD, "elsewhere").username == "ann"
    with catalog.writing() as session:
        session.execute(update(FailedLoginRow).values(at=datetime.now(UTC) - timedelta(seconds=11)))
    with pytest.raises(WrongCredentials):
        accounts.authenticate("ann", "guess-guess", "here")
    with pytest.raises(TooManyLogins):
        accounts.authenticate("ann", "guess-guess", "here")
    with catalog.writing() as session:
        session.execute(update(FailedLoginRow).values(at=datetime.now(UTC) - timedelta(seconds=11)))
    assert accounts.authenticate("ann", PASSWORD, "here").username == "ann"


@pytest.mark.parametrize("alike", ["аnn", "Ann", "αnn", "ａnn"])
def test_a_name_that_looks_like_another_s_is_refused(accounts: Accounts, alike: str) -> None:
    accounts.add("ann", PASSWORD)
    with pytest.raises(AccountRefused, match="name"):
        accounts.add(alike, PASSWORD)
    other = accounts.add("анна", PASSWORD)
    with pytest.raises(AccountRefused, match="name"):
        accounts.rename(other, alike)
    accounts.rename(accounts.named("ann") or other, "Ann")  # one's own name in other letters
    assert accounts.named("Ann") is not None
