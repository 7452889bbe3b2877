"""Speakers and consents."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from soundmill.catalog import Catalog, Prompts, Speakers
from soundmill.errors import ConsentNeeded, UnknownPrompts
from soundmill.prompts.spec import PromptSetSpec
from soundmill.workflows.takes import give_consent
from tests.soundmill.workflows.takes.reading import prompt_set, somebody


def test_a_speaker_is_known_by_a_secret_that_is_not_kept(catalog: Catalog) -> None:
    speakers = Speakers(catalog)
    speaker, secret = speakers.add()
    assert speakers.by_secret(secret) == speaker == speakers.get(speaker.id)
    assert speakers.by_secret("another") is None
    fresh = speakers.new_secret(speaker)
    assert speakers.by_secret(secret) is None
    assert speakers.by_secret(fresh) == speaker
    with pytest.raises(UnknownPrompts):
        speakers.get("nobody")


def test_a_name_of_the_original_s_page_is_one_speaker_however_many_ask_at_once(catalog: Catalog) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: Speakers(catalog).of_username("alice").id, range(16)))
    assert len(found) == 1
    speaker = Speakers(catalog).of_username("alice")
    assert speaker.name == "alice"
    Speakers(catalog).describe(speaker, "Scottish", "headset")
    assert Speakers(catalog).get(speaker.id).accent == "Scottish"


def test_a_consent_is_to_a_text_and_lives_until_it_is_withdrawn(catalog: Catalog) -> None:
    prompt_set(catalog)
    speakers, (speaker, consent, secret) = Speakers(catalog), somebody(catalog, purposes=("train",))
    spec = PromptSetSpec.of(Prompts(catalog).get("digits"))
    assert speakers.living(speaker, "digits", spec.consent_sha256) == consent
    assert consent.purposes == ("train",)
    assert speakers.text(consent.text_sha256) == spec.consent
    assert give_consent(catalog, speaker, "digits", ("train",), of_age=True, given="page") == consent  # said twice is said once
    prompt_set(catalog, consent="Something else.")
    other = PromptSetSpec.of(Prompts(catalog).get("digits"))
    assert speakers.living(speaker, "digits", other.consent_sha256) is None
    assert speakers.text(consent.text_sha256) == spec.consent  # what was agreed to stays as it was
    speakers.withdraw(speaker)
    (kept,) = speakers.consents(speaker.id)
    assert kept.withdrawn_at is not None
    assert speakers.living(speaker, "digits", spec.consent_sha256) is None
    gone = speakers.by_secret(secret)
    assert gone is not None
    assert (gone.withdrawn_at is not None, gone.username, gone.accent) == (True, None, "")
    with pytest.raises(ConsentNeeded, match="withdrew"):
        give_consent(catalog, speaker, "digits", ("train",), of_age=True, given="page")


def test_nobody_consents_to_nothing_or_before_they_are_of_age(catalog: Catalog) -> None:
    prompt_set(catalog)
    speaker, _ = Speakers(catalog).add()
    with pytest.raises(ConsentNeeded, match="any use"):
        give_consent(catalog, speaker, "digits", ("publish",), of_age=True, given="page")  # which the set does not ask for
    with pytest.raises(ConsentNeeded, match="of age"):
        give_consent(catalog, speaker, "digits", ("train",), of_age=False, given="page")
    with pytest.raises(UnknownPrompts):
        give_consent(catalog, speaker, "none", ("train",), of_age=True, given="page")
    assert Speakers(catalog).consents() == []
