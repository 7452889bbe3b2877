"""Commands for speech: writing down files, and what the pipeline wrote down."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soundmill.cli.common import Json, app, days_in, print_json, refuse, settings, the_lake
from soundmill.cli.progress_bar import steps
from soundmill.names import file_name
from soundmill.settings import names_in
from soundmill.wording import count

if TYPE_CHECKING:
    from soundmill.speech import Keywords, Transcript

_EXAMPLES = (
    "Examples: `soundmill transcribe call.mp3`, `soundmill transcribe talk.m4a --format srt > talk.srt`, "
    "`soundmill transcribe *.wav --words 'refund,thank you' --output transcripts`"
)


@app.command(epilog=_EXAMPLES)
def transcribe(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Audio of any length and codec.")],
    words: Annotated[str, typer.Option(help="Keywords and phrases to find, comma separated (json only).")] = "",
    form: Annotated[str, typer.Option("--format", help="json, srt, vtt, ctm or txt.")] = "json",
    stemming: Annotated[
        str | None, typer.Option(help="Language in which words with the same stem count as one: english, german, ...")
    ] = None,
    fuzzy: Annotated[float, typer.Option(min=0.01, max=1, help="Minimum similarity of a word to a keyword; 1: the same word.")] = 1.0,
    sentiment: Annotated[bool, typer.Option(help="Rate the sentiment too (json only).")] = True,
    output: Annotated[Path | None, typer.Option(metavar="DIR", help="Write one file for each recording to this folder.")] = None,
    reference: Annotated[
        Path | None,
        typer.Option(help="Reference transcripts: on each line a file name without extension, and its words. Prints the word error rate."),
    ] = None,
) -> None:
    """Transcribe files: words with their times and confidence, keywords, sentiment; or subtitles.

    JSON holds all of it; without --output it goes to standard output, a list where there are several files. A file that cannot be read
    is reported, and the others are transcribed. The model is that of SOUNDMILL_VOSK_MODEL.
    """
    from soundmill.speech.subtitles import FORMS
    from soundmill.speech.word_errors import reference_name, total, word_errors

    if form not in FORMS:
        raise typer.BadParameter(f"there are: {', '.join(FORMS)}", param_hint="--format")
    if len(files) > 1 and output is None and form != "json":
        raise typer.BadParameter("name a folder for several files: only json goes into one", param_hint="--output")
    if words and form != "json":
        raise typer.BadParameter("found keywords are in json only", param_hint="--words")
    if output is not None and (twice := {file.stem for file in files if sum(other.stem == file.stem for other in files) > 1}):
        refuse(f"two files are called {sorted(twice)[0]}: their transcripts would be one")
    keywords = _keywords(words, stemming, fuzzy)
    references = _references(reference)
    if reference is not None and not {reference_name(file.stem) for file in files} & set(references):
        typer.echo(f"soundmill: no reference in {reference} is of a file named here", err=True)
    there = [file for file in files if file.is_file()]
    for file in files:
        if file not in there:
            typer.echo(f"soundmill: {file} {'is a folder: name its files' if file.is_dir() else 'is not there'}", err=True)
    failed = len(there) < len(files)
    reports, errors = [], []
    for file, transcript in zip(there, _transcripts(there) if there else [], strict=True):
        if transcript is None:
            failed = True
            continue
        wanted = references.get(reference_name(file.stem))
        found = None if wanted is None else word_errors(wanted, transcript.text)
        if found is not None:
            errors.append(found)
        report: Any = _report(file, transcript, keywords, sentiment) if form == "json" else FORMS[form](transcript, file.stem)
        if form == "json" and found is not None:
            report["word_errors"] = {"rate": round(found.rate, 4), "reference": wanted, **asdict(found)}
        if output is None:
            reports.append(report)
        else:
            output.mkdir(parents=True, exist_ok=True)
            (output / f"{file.stem}.{form}").write_text(_text(report) if form == "json" else report)
    if errors:
        whole = total(errors)
        typer.echo(
            f"word error rate {whole.rate:.1%}: {whole.errors} errors in {count(whole.spoken, 'word')} of {len(errors)} files", err=True
        )
    if output is None and reports:
        typer.echo(_text(reports[0] if len(files) == 1 else reports) if form == "json" else reports[0], nl=False)
    if failed:
        raise typer.Exit(1)


@app.command(
    epilog="Examples: `soundmill transcripts --day 2026-01-05`, `soundmill transcripts --from 2026-01-01 --to 2026-01-31 --search refund`, "
    "`soundmill transcripts --day 2026-01-05 --format srt --output subtitles`"
)
def transcripts(
    day: Annotated[str | None, typer.Option(help="One day, such as 2026-01-05 (default: all days).")] = None,
    first: Annotated[str | None, typer.Option("--from", help="First day of a range.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last day of a range.")] = None,
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    search: Annotated[str, typer.Option(help="Only recordings that contain this word or phrase.")] = "",
    form: Annotated[str | None, typer.Option("--format", help="Export as json, srt, vtt, ctm or txt, instead of listing them.")] = None,
    output: Annotated[Path | None, typer.Option(metavar="DIR", help="Write one file for each recording to this folder.")] = None,
    as_json: Json = False,
) -> None:
    """List transcripts, or export them as subtitles or other files, one for each recording."""
    from soundmill.speech import Keywords
    from soundmill.speech.subtitles import FORMS
    from soundmill.speech.tables import TRANSCRIPTS, transcripts_of

    if form is not None and form not in FORMS:
        raise typer.BadParameter(f"there are: {', '.join(FORMS)}", param_hint="--format")
    lake, phrase = the_lake(), Keywords([search])
    begin, end = (days_in(text)[0] if text else None for text in (day or first, day or last))
    days = [one for one in lake.days(TRANSCRIPTS) if (begin is None or one >= begin) and (end is None or one <= end)]
    found = [(one, row, transcript) for one in days for row, transcript in transcripts_of(lake, one)]
    shown = [
        (one, row, transcript)
        for one, row, transcript in found
        if (not source or row["source"] == source) and (not search or phrase.hits(transcript))
    ]
    names = Counter(row["recording"] for _, row, _ in shown)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        for _, row, transcript in shown:
            name = row["recording"] if names[row["recording"]] == 1 else row["key"]
            (output / f"{file_name(name)}.{form or 'json'}").write_text(FORMS[form or "json"](transcript, row["recording"]))
        typer.echo(f"{count(len(shown), 'file')} in {output}")
    elif form is not None:
        if len(shown) > 1 and form != "ctm":
            raise typer.BadParameter(f"name a folder for {len(shown)} recordings", param_hint="--output")
        for _, row, transcript in shown:
            typer.echo(FORMS[form](transcript, row["recording"]), nl=False)
    elif as_json:
        facts = ("key", "source", "recording", "seconds", "model", "text")
        print_json([{"day": str(one), **{name: row[name] for name in facts}} for one, row, _ in shown])
    else:
        for one, row, _ in shown:
            typer.echo(f"{one}  {row['recording']}  {row['seconds']:.1f} s  {row['text'] or '(no speech)'}")
    if not found:
        typer.echo("no transcripts of these days: make them with `soundmill materialize captured_segments transcripts --day ...`", err=True)
    elif not shown:
        sources = ", ".join(sorted({row["source"] for _, row, _ in found}))
        typer.echo(f"none of {count(len(found), 'recording')} (of {sources})", err=True)


def _transcripts(files: list[Path]) -> "list[Transcript | None]":
    """Transcripts in the order of the files, as many at a time as there are cores; None, and a line, where there is none."""
    import os

    from soundmill.audio import probe
    from soundmill.errors import NoSpeechModel, TranscriptionFailed, UndecodableAudio
    from soundmill.speech import transcriber

    try:
        writer = transcriber(settings().vosk_folder)
    except NoSpeechModel as error:
        refuse(str(error))
    lengths = dict.fromkeys(files, 0.0)
    for file in files:
        try:
            lengths[file] = probe(file).seconds or 0.0
        except UndecodableAudio:
            pass  # reported when its turn comes
    done_seconds = dict.fromkeys(files, 0.0)

    def work(file: Path) -> "Transcript | None":
        def progress(seconds: float) -> None:
            done_seconds[file] = seconds
            done, total = sum(done_seconds.values()), sum(max(lengths[one], done_seconds[one]) for one in files)
            reached(round(done), round(total))

        try:
            return writer.transcribe(file, progress)
        except (UndecodableAudio, TranscriptionFailed) as error:
            typer.echo(f"soundmill: {file}: {error}", err=True)
            return None
        except NoSpeechModel as error:
            refuse(str(error))

    with steps("seconds transcribed") as reached, ThreadPoolExecutor(min(len(files), os.cpu_count() or 1)) as pool:
        return list(pool.map(work, files))


def _report(file: Path, transcript: "Transcript", keywords: "Keywords", sentiment: bool) -> dict[str, Any]:
    """The transcript of one file, as JSON."""
    from soundmill.errors import NoSentimentModel
    from soundmill.speech import sentiment_model, sentiment_of

    report: dict[str, Any] = {"file": str(file), **transcript.as_json()}
    if keywords.words:
        hits = keywords.hits(transcript)
        report |= {"counts": keywords.counts(hits), "hits": [asdict(hit) for hit in hits]}
    if sentiment:
        try:
            model = sentiment_model(settings().sentiment_model)
            whole, along = sentiment_of(transcript, model)
        except NoSentimentModel as error:
            refuse(str(error))
        report["sentiment"] = {"model": model.model, **asdict(whole), "along": [asdict(one) for one in along]}
    return report


def _text(report: Any) -> str:
    import json

    return json.dumps(report, ensure_ascii=False, indent=1) + "\n"


def _keywords(words: str, stemming: str | None, fuzzy: float) -> "Keywords":
    from soundmill.errors import KeywordsRefused
    from soundmill.speech import Keywords

    try:
        return Keywords(names_in(words), stemming=stemming, fuzzy=fuzzy)
    except KeywordsRefused as error:
        raise typer.BadParameter(str(error), param_hint="--words") from None


def _references(path: Path | None) -> dict[str, str]:
    from soundmill.formats.spreadsheets import decoded
    from soundmill.speech.word_errors import parse_references

    if path is None:
        return {}
    try:
        return parse_references(decoded(path.read_bytes()))
    except OSError as error:
        refuse(f"{path}: {error.strerror}")
