"""Every error that the library raises on purpose, in one tree. Messages say what is wrong and what to do about it, in one line.

SoundmillError
├── InputRefused (ValueError)            what was given cannot be used; nothing was changed
│   ├── UnreadableTime                   a text that is no moment, day or range of days
│   ├── StartTimeUnknown                 nothing says when a landed file began
│   ├── UndecodableAudio                 bytes that are no usable sound; has `code` and `transient`
│   ├── LabelsChanged                    labels that stand by now, and not those that a submission was made from
│   ├── RoundRefused                     a labelling round that cannot do what was asked in its state
│   ├── UnknownRound                     no labelling round, or no session of it, of that name
│   ├── ReleaseRefused                   a release that cannot be made, or not any more
│   ├── UnknownRelease                   no release of that name
│   ├── ClaimLost                        a session that is somebody else's by now
│   ├── PromptsRefused                   a file or a set of prompts that cannot be used
│   ├── UnknownPrompts                   no prompt set, prompt, take or speaker of that name
│   ├── TakeRefused                      a take that can never be stored; ConsentNeeded where nobody (any longer) consents to it
│   ├── LabelFileRefused                 a label file with a line that cannot be read
│   ├── RequestListRefused               a file that is no list of downloads
│   ├── RequestRefused                   a download that can never be a file in the lake
│   ├── IdempotencyConflict              an idempotency key that was used for another request
│   ├── KeywordsRefused                  keywords that cannot be searched for
│   ├── QuotaExceeded                    more sound than an account may have here
│   ├── AccountRefused                   an account that cannot be; has `fields`
│   ├── WrongCredentials                 no account has that name and password
│   ├── SpecRefused                      a model specification that contradicts itself
│   ├── DefinitionChanged                a model's definition that somebody else changed meanwhile
│   ├── NotEnoughData                    too little to train or evaluate a model on
│   ├── DataLeakage                      test sounds that are copies of training sounds
│   ├── MissingFeatures                  feature tables that have not been made yet
│   ├── ClipsRefused, SceneRefused       folders of clips that no model or scene can be made from
│   ├── SourceRefused                    a source that cannot be captured here
│   ├── HubRefused                       a segment that the hub will never take
│   ├── BackupRefused, RestoreRefused    a copy that would lose something
│   └── ErasureRefused                   an erasure that names nothing, or too much
├── NotFound (LookupError)               what was asked for is not there
│   ├── UnknownModel, NoChampion         in the model registry
│   ├── NoReport                         of a version that has not been evaluated
│   ├── UnknownExtractor
│   ├── AccountDeleted                   the account was deleted meanwhile
│   ├── NoAudio                          a span of a source's time without any sound
│   ├── NoSpeechModel, NoSentimentModel  where the settings say
│   └── NotInLake (FileNotFoundError)    a blob
├── Unavailable (RuntimeError)           something outside cannot be used now; later it may
│   ├── CatalogUnavailable, BackupUnavailable, ServerUnavailable, HubUnavailable, SourceUnavailable
│   ├── ExtractorUnavailable, PretrainedUnavailable
│   ├── DiskFull (OSError)               or nearly
│   ├── LeaseLost                        another worker has it
│   └── TooManyLogins                    has `retry_after`, seconds
├── Damaged (RuntimeError)               stored data that cannot be trusted
│   ├── DamagedTable                     a day's Parquet file
│   ├── DamagedRelease                   a release's manifest, or sound that is not what it says
│   └── UntrustedModel                   a model file
└── WorkFailed (RuntimeError)            an attempt that went wrong
    ├── BlobDiscarded                    a pending blob that was discarded, and cannot be committed any more
    ├── FetchFailed                      has `code`, `transient`, `retry_after`
    └── TranscriptionFailed
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class SoundmillError(Exception):
    """Anything that the library raises on purpose."""


class InputRefused(SoundmillError, ValueError):
    """What was given cannot be used; nothing was changed."""


class NotFound(SoundmillError, LookupError):
    """What was asked for is not there."""


class Unavailable(SoundmillError, RuntimeError):
    """Something outside cannot be used now; later it may."""


class Damaged(SoundmillError, RuntimeError):
    """Stored data that cannot be trusted."""


class WorkFailed(SoundmillError, RuntimeError):
    """An attempt that went wrong."""


class UnreadableTime(InputRefused):
    """A text that is no moment, day or range of days."""


class StartTimeUnknown(InputRefused):
    """Nothing says when a landed file began."""


class UndecodableAudio(InputRefused):
    """Bytes that are no usable sound. `code` is one short word for the ledger; `transient` says whether waiting may help."""

    def __init__(self, code: str, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.transient = transient


class LabelsChanged(InputRefused):
    """Labels were handed in meanwhile; nothing was stored over them."""


class RoundRefused(InputRefused):
    """A labelling round that cannot do what was asked of it in its state."""


class UnknownRound(InputRefused):
    """There is no labelling round, or no session of it, of that name."""


class ReleaseRefused(InputRefused):
    """A release that cannot be made as it was asked for, or that is made and stays."""


class UnknownRelease(InputRefused):
    """There is no release of that name."""


class ClaimLost(InputRefused):
    """A session is somebody else's by now."""


class PromptsRefused(InputRefused):
    """A file that holds no prompts, or a set that cannot be changed so."""


class UnknownPrompts(InputRefused):
    """There is no prompt set, prompt, take or speaker of that name."""


class TakeRefused(InputRefused):
    """A take that can never be stored: it is no WAV, or not of a prompt that there is."""


class ConsentNeeded(TakeRefused):
    """Nobody consented to a take, or not any longer."""


class LabelFileRefused(InputRefused):
    """A label file with something wrong in it; the message names the line."""


class RequestListRefused(InputRefused):
    """A file that is no list of downloads at all."""


class RequestRefused(InputRefused):
    """A request that can never be a file in the lake; the message says which part is wrong."""


class IdempotencyConflict(InputRefused):
    """An idempotency key that was used for another request."""


class KeywordsRefused(InputRefused):
    """Too many keywords, keywords that are too long, or a similarity that is out of range."""


class QuotaExceeded(InputRefused):
    """More sound than an account may have here."""


class AccountRefused(InputRefused):
    """An account that cannot be; `fields` says of each field what is wrong with it."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(lines)}" for name, lines in fields.items()))
        self.fields = fields


class WrongCredentials(InputRefused):
    """No account has that name and password."""


class SpecRefused(InputRefused):
    """A model specification that contradicts itself."""


class DefinitionChanged(InputRefused):
    """A model's definition that was changed meanwhile by somebody else."""


class NotEnoughData(InputRefused):
    """Too little data to train or evaluate a model on."""


class DataLeakage(InputRefused):
    """Test sounds that are copies of training sounds."""


class MissingFeatures(InputRefused):
    """Feature tables that have not been made yet; the message names the days to materialise."""


class ClipsRefused(InputRefused):
    """A folder that no model can be trained on."""


class SceneRefused(InputRefused):
    """A folder of clips that no scene can be built from."""


class SourceRefused(InputRefused):
    """A source that cannot be captured here, with what to do about it."""


class HubRefused(InputRefused):
    """The hub will never take this file; the message says why."""


class BackupRefused(InputRefused):
    """What is here is so much less than what the backup holds that copying it would be a loss."""


class RestoreRefused(InputRefused):
    """There is something already where the backup would go."""


class ErasureRefused(InputRefused):
    """An erasure that names nothing, or too much."""


class UnknownModel(NotFound):
    """A model or a version that the registry does not hold."""


class NoReport(NotFound):
    """A version that has not been evaluated."""


class NoChampion(NotFound):
    """No model has been promoted yet."""


class UnknownExtractor(NotFound):
    """A name that no extractor has, or that joins what cannot be joined."""


class AccountDeleted(NotFound):
    """The account was deleted meanwhile."""


class NoAudio(NotFound):
    """A span of a source's time without any sound."""


class NoSpeechModel(NotFound):
    """There is no speech model where the settings say; the message says how to get one."""


class NoSentimentModel(NotFound):
    """There is no usable sentiment model where the settings say; the message says what is missing."""


class NotInLake(SoundmillError, FileNotFoundError):
    """A blob that is asked for and is not there."""


class CatalogUnavailable(Unavailable):
    """The catalog's database cannot be reached or opened."""


class BackupUnavailable(Unavailable):
    """The bucket cannot be used: not there, not allowed, or not reached."""


class ServerUnavailable(Unavailable):
    """Nobody answers at a server's address, or not as that server does."""


class HubUnavailable(Unavailable):
    """The hub did not confirm that a file is stored."""


class SourceUnavailable(Unavailable):
    """A source that cannot be captured now, and may be later."""


class ExtractorUnavailable(Unavailable):
    """An extractor whose model or runtime is not on this machine; the message says how to get it."""


class PretrainedUnavailable(Unavailable):
    """A pretrained model that could not be fetched, or is not the one it should be; the message says what to do instead."""


class DiskFull(SoundmillError, OSError):
    """The disk is full, or nearly: a segment was not stored."""


class LeaseLost(Unavailable):
    """The lease could not be had in time, or another worker took it over."""


class TooManyLogins(Unavailable):
    """Too many logins failed of late; `retry_after` seconds until the next is looked at."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many failed logins: try again in {retry_after} s")
        self.retry_after = retry_after


class DamagedTable(Damaged):
    """A day's Parquet file that cannot be read; the message names it and the way to mend it."""


class DamagedRelease(Damaged):
    """A release's files are not what its manifest says."""


class UntrustedModel(Damaged):
    """A model file that holds types this project does not know, or is no model file."""


class BlobDiscarded(WorkFailed):
    """A pending blob that was discarded, and cannot be committed any more."""


class FetchFailed(WorkFailed):
    """A download that failed. `transient` says whether a later attempt may succeed, `retry_after` the seconds the server asked for."""

    def __init__(self, code: str, message: str, *, transient: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.transient = transient
        self.retry_after = retry_after


class TranscriptionFailed(WorkFailed):
    """The recogniser gave up on sound that can be decoded."""


def mistakes(error: "ValidationError", whole: str) -> str:
    """What is wrong with a specification, in a line: each mistake with the field that it is in; `whole` where it is in none."""
    lines = (f"{'.'.join(map(str, one['loc'])) or whole}: {one['msg'].removeprefix('Value error, ')}" for one in error.errors())
    return "; ".join(lines)
