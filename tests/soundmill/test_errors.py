"""The tree of errors, held to the code."""

import inspect
import re

from soundmill import errors

CLASSES = {name: one for name, one in vars(errors).items() if inspect.isclass(one) and one.__module__ == errors.__name__}


def test_every_error_is_in_the_tree_and_says_what_it_is() -> None:
    tree = set(re.findall(r"\b[A-Z]\w+\b", errors.__doc__ or ""))
    for name, error in CLASSES.items():
        assert name in tree, name
        assert error.__doc__, name
        assert issubclass(error, errors.SoundmillError), name


def test_they_are_also_the_errors_that_python_has_for_it() -> None:
    assert issubclass(errors.InputRefused, ValueError)
    assert issubclass(errors.NotFound, LookupError)
    assert issubclass(errors.NotInLake, FileNotFoundError)
    assert issubclass(errors.DiskFull, OSError)
    assert issubclass(errors.Unavailable, RuntimeError)
