"""Models on disk: skops, never pickle, so that loading one runs no code it brings along."""

from typing import BinaryIO

from soundmill.osr.gaussian_votes import GaussianVotes

_OWN_TYPES = ["soundmill.osr.gaussian_votes.GaussianVotes"]


class UntrustedModel(RuntimeError):
    """A model file that holds types this project does not know, or is no model file."""


def dump_model(model: GaussianVotes, target: BinaryIO) -> None:
    """Writes a fitted model."""
    import skops.io

    target.write(skops.io.dumps(model))


def load_model(data: bytes) -> GaussianVotes:
    """Reads a fitted model. Raises `UntrustedModel`."""
    import zipfile

    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        model = skops.io.loads(data, trusted=_OWN_TYPES)
    except UntrustedTypesFoundException as error:
        raise UntrustedModel(f"the model file holds types that are not trusted: {error}") from None
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise UntrustedModel(f"this is no model file: {error}") from None
    if not isinstance(model, GaussianVotes):
        raise UntrustedModel(f"the file holds a {type(model).__name__}, not a recogniser")
    return model
