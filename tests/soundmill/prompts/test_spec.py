"""What a prompt set is to be."""

from typing import Any

import pytest

from soundmill.errors import SpecRefused
from soundmill.prompts.spec import check_name, prompt_set_spec


def test_a_set_has_terms_that_speakers_can_read_without_anybody_setting_them() -> None:
    spec = prompt_set_spec({})
    assert spec.purposes == ("train", "evaluate")
    assert "withdraw" in spec.consent
    assert (spec.takes, spec.sample_rate, spec.licence) == (1, 16_000, "internal")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"language": "the language of birds"}, "language"),
        ({"consent": ""}, "consent"),
        ({"purposes": []}, "purposes"),
        ({"purposes": ["sell"]}, "purposes"),
        ({"takes": 0}, "takes"),
        ({"sample_rate": 8000}, "sample_rate"),
        ({"limits": {"snr": 3}}, "limits.snr"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(values: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecRefused, match=told) as caught:
        prompt_set_spec(values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "../x", "get-sentence", "api", "x" * 57])
def test_a_name_is_one_of_a_folder_and_no_path_of_the_recorder(name: str) -> None:
    with pytest.raises(SpecRefused):
        check_name(name)


def test_a_consent_is_known_by_its_text() -> None:
    first, second = prompt_set_spec({"consent": "You read."}), prompt_set_spec({"consent": "You read aloud."})
    assert first.consent_sha256 != second.consent_sha256
    assert first.consent_sha256 == prompt_set_spec({"consent": "You read.", "takes": 3}).consent_sha256


def test_a_dialect_is_of_its_language() -> None:
    assert prompt_set_spec({"language": "en-GB"}).is_in("en")
    assert not prompt_set_spec({"language": "de"}).is_in("en-US")
