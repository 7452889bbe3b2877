"""What the library refuses is one line in Dagster, and not tried again."""

import dagster as dg
import pytest

from assets.failures import refused_in_one_line
from soundmill.errors import NotEnoughData, UnknownModel


@pytest.mark.parametrize("error", [NotEnoughData("too few sounds"), UnknownModel("no model is called x")])
def test_a_refusal_fails_the_step_for_good(error: Exception) -> None:
    with pytest.raises(dg.Failure) as failed, refused_in_one_line("house: "):
        raise error
    assert failed.value.description == f"house: {error}"
    assert failed.value.allow_retries is False
    assert failed.value.__cause__ is None


def test_what_is_nobody_s_input_passes_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError), refused_in_one_line():
        raise ZeroDivisionError
