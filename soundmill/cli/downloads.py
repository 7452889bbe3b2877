"""`soundmill download`: the queue of files to fetch."""

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from soundmill.cli.common import Json, app, days_in, hours, instant, print_json, refuse, settings, the_catalog, the_lake
from soundmill.wording import count

download = typer.Typer(no_args_is_help=True, help="Download audio by URL: queue requests, fetch them, see their status.")
app.add_typer(download, name="download")


@download.command(
    "add", epilog="Example: `soundmill download add calls.csv`, or `echo 'call-1,agent,https://...' | soundmill download add -`"
)
def download_add(
    file: Annotated[Path, typer.Argument(metavar="CSV", help="The list; `-` for standard input.")],
    requested_at: Annotated[str | None, typer.Option(help="Time of the request, whose UTC day is the partition (default: now).")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Fetch files again that were fetched before, from the URL given now.")] = False,
    as_json: Json = False,
) -> None:
    """Queue the files of a CSV list. Duplicate requests are ignored.

    A line for each call: `conversation_id,agent_url,customer_url`; or a line for each file: `id,speaker,url`. The speaker `agent+customer`
    splits a stereo recording into left (agent) and right (customer); an empty speaker becomes `speaker`. Invalid lines are reported and
    skipped; the exit code is then 1. Then run `soundmill download run`, or keep `soundmill dev` running. A request that failed permanently
    stays failed until `soundmill download retry`, or until it is added with another URL.
    """
    from collections import Counter

    from soundmill.catalog import DownloadQueue
    from soundmill.errors import RequestListRefused
    from soundmill.ingest.requests import read_requests

    moment = instant(requested_at) or datetime.now(UTC)
    found = _read(lambda text: read_requests(text), file, RequestListRefused)
    if not (found.wanted or found.refused):
        refuse(f"{file} asks for nothing")
    outcomes = DownloadQueue(the_catalog()).add(found.wanted, moment, replace=replace)
    counts = Counter(outcomes)
    conflicts = [f"{one.conversation} {one.speaker}" for one, outcome in zip(found.wanted, outcomes, strict=True) if outcome == "conflict"]
    for line in found.refused:
        typer.echo(f"{file}, {line}", err=True)
    for name in conflicts:
        typer.echo(f"{name} was asked for from another URL before; --replace takes the new one", err=True)
    if as_json:
        print_json({"day": moment.date(), **dict(counts), "refused": list(found.refused), "skipped": found.skipped})
    else:
        known = counts["known"] + counts["withdrawn"]
        typer.echo(
            f"{count(counts['new'] + counts['changed'], 'request')} queued for {moment.date()}"
            + (f", {known} known before" if known else "")
        )
    if found.refused or conflicts:
        raise typer.Exit(1)


@download.command("run", epilog="Example: `soundmill download run`, or for one day: `soundmill download run --days 2026-01-05`")
def download_run(
    days: Annotated[str, typer.Option(help="Only requests of these days (default: all that are due).")] = "", as_json: Json = False
) -> None:
    """Fetch what is due, convert it to 16 kHz mono WAV, and write the tables of the days it belongs to.

    May be stopped at any moment and run again; several may run at once. What failed for a transient failure is due again later. Exit code 0
    also where files failed: `soundmill download status --failed` names them. A stereo request makes a file for each speaker.
    """
    from soundmill.catalog import DownloadQueue, Ledger
    from soundmill.cli.progress_bar import bar
    from soundmill.ingest.downloader import ASSET, Outcome
    from soundmill.ingest.downloads import update_downloads
    from soundmill.options import download_options

    lake, catalog, options = the_lake(), the_catalog(), download_options(settings())
    queue = DownloadQueue(catalog)
    behind = Ledger(catalog).stale(ASSET)  # days to which files came over HTTP, or whose run was stopped before its tables
    chosen = days_in(days) or tuple(sorted({*queue.due_days(datetime.now(UTC)), *behind}))
    rows: list[dict[str, Any]] = []
    for day in chosen:
        waiting = sum(request.state == "queued" for request in queue.of_day(day))
        with bar(f"downloads of {day}", waiting) as advance:

            def report(outcome: Outcome, advance: Any = advance) -> None:
                advance(f"{outcome.request.conversation} {outcome.request.speaker}: {outcome.failure.code}" if outcome.failure else None)

            try:
                done = update_downloads(lake, catalog, day, options, report)
            except OSError as error:
                refuse(f"{error.strerror or error}; what is done is kept, run again when there is room")
        rows.append({"day": day, "attempts": done.attempts, "items": done.states, "requests": done.requests, "reasons": done.reasons})
        if done.target_reached:
            typer.echo("the target is reached, and SOUNDMILL_STOP_AT_TARGET is on", err=True)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(row["reasons"].items()))
        now = f"files of the day: {_counts(row['items']) or 'none'}"
        typer.echo(f"{row['day']}: {count(row['attempts'], 'attempt')}; {now}" + (f" ({reasons})" if reasons else ""))
    if not rows:
        typer.echo("nothing is due")


@download.command("status", epilog="Example: `soundmill download status --failed`")
def download_status(
    failed: Annotated[bool, typer.Option("--failed", help="List requests that failed or wait for a retry.")] = False, as_json: Json = False
) -> None:
    """Count requests by state, and show why requests failed."""
    from collections import Counter

    from soundmill.catalog import DownloadQueue

    queue, now = DownloadQueue(the_catalog()), datetime.now(UTC)
    failed_or_retrying = queue.failed_or_retrying()
    reasons = Counter(request.reason or "" for request in failed_or_retrying)
    if as_json:
        shown = ("conversation", "speaker", "url", "day", "state", "attempts", "reason", "message", "next_attempt_at")
        listed = [{name: getattr(request, name) for name in shown} | {"url": request.shown_url} for request in failed_or_retrying]
        print_json({"requests": queue.counts(now), "reasons": reasons, **({"failed_or_retrying": listed} if failed else {})})
        return
    typer.echo(_counts(queue.counts(now)) or "no requests")
    for reason, number in reasons.most_common():
        typer.echo(f"  {reason:<20} {number}")
    for request in failed_or_retrying if failed else ():
        when = f"again after {request.next_attempt_at:%Y-%m-%d %H:%M} UTC" if request.next_attempt_at else "no further attempt"
        typer.echo(f"{request.conversation} {request.speaker}: {request.reason}, {request.message} ({when})\n  {request.shown_url}")


@download.command("retry", epilog="Example: `soundmill download retry --reason http_403`")
def download_retry(
    conversation: Annotated[str | None, typer.Option(help="Only this conversation.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only requests that failed for this reason.")] = None,
) -> None:
    """Queue failed requests, and those that wait for a retry, again, and reset their number of attempts."""
    from soundmill.catalog import DownloadQueue

    typer.echo(f"{count(DownloadQueue(the_catalog()).retry(conversation=conversation, reason=reason), 'request')} queued anew")


@download.command("withdraw", epilog="Example: `soundmill download withdraw call-17 --yes`")
def download_withdraw(
    conversation: str, yes: Annotated[bool, typer.Option("--yes", help="Actually delete; without, print what would be deleted.")] = False
) -> None:
    """Withdraw a conversation: its files are deleted, its rows stay, marked as withdrawn, and it is never fetched again."""
    from soundmill.catalog import DownloadQueue
    from soundmill.workflows.erasure import Conversation, erase

    catalog = the_catalog()
    known = DownloadQueue(catalog).of(conversation)
    if not known:
        refuse(f"nothing was asked for as {conversation!r}")
    if not yes:
        typer.echo(f"would withdraw {conversation}: {', '.join(request.speaker for request in known)}; add --yes to do it")
        return
    typer.echo(f"{conversation} is withdrawn, {count(erase(the_lake(), catalog, Conversation(conversation)).files, 'file')}")


@download.command("history", epilog="Example: `soundmill download history --by day`")
def download_history(
    by: Annotated[str, typer.Option(help="hour or day.")] = "hour",
    days: Annotated[str, typer.Option(help="Only files that came on these days, in SOUNDMILL_TIMEZONE.")] = "",
    as_json: Json = False,
) -> None:
    """Count what came in each hour or day: conversations, agent and customer files, failures, MB."""
    from soundmill.ingest.history import history

    if by not in ("hour", "day"):
        raise typer.BadParameter(f"{by!r} is not one of hour, day", param_hint="--by")
    catalog = the_catalog()
    wanted = set(days_in(days))
    rows = [row for row in history(catalog, settings().zone, by) if not wanted or date.fromisoformat(row["when"][:10]) in wanted]
    if as_json:
        print_json(rows)
        return
    typer.echo(f"{'when':<17}{'conversations':>14}{'agent':>8}{'customer':>10}{'other':>7}{'failed':>8}{'MB':>10}")
    for row in rows:
        odd = "  not as many agents as customers" if row["agent"] != row["customer"] else ""
        typer.echo(
            f"{row['when']:<17}{row['conversations']:>14}{row['agent']:>8}{row['customer']:>10}{row['other']:>7}"
            f"{row['failed']:>8}{row['size_mb']:>10.2f}{odd}"
        )


@download.command("scan", epilog="Example: `soundmill download scan /data/downloaded_audios --target-hours 100`")
def download_scan(
    folder: Annotated[Path, typer.Argument(help="One folder for each conversation, files named {conversation}_{speaker}.wav.")],
    target_hours: Annotated[float | None, typer.Option(help="Target, in hours.", callback=hours)] = None,
    as_json: Json = False,
) -> None:
    """Report on a folder of conversations without the catalog: hours, sizes, calls that lack a side.

    Exit codes as for `soundmill progress`.
    """
    from soundmill.ingest.folder_scan import scan_folder

    if not folder.is_dir():
        refuse(f"{folder} is no folder")
    found = scan_folder(folder)
    reached = target_hours is None or found.hours >= target_hours
    if as_json:
        print_json({**found.as_json(), **({"target_hours": target_hours, "target_reached": reached} if target_hours is not None else {})})
    else:
        typer.echo(f"{count(found.complete, 'call')} with both sides, {found.hours:.2f} h, {found.megabytes:.2f} MB")
        for name, lacks in found.incomplete.items():
            typer.echo(f"{name}: {lacks}")
        for path, problem in found.unreadable.items():
            typer.echo(f"{path}: {problem}", err=True)
    raise typer.Exit(0 if reached else 1)


@download.command("submit", epilog="Example: `soundmill download submit calls.csv --server http://hub:8000/downloader`")
def download_submit(
    file: Annotated[Path, typer.Argument(metavar="CSV", help="The list, with a line for each call.")],
    server: Annotated[str, typer.Option(help="The downloader's address.")] = "http://localhost:8000/downloader",
    delay: Annotated[float, typer.Option(help="Seconds between two calls.")] = 1.0,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for a call to be fetched.")] = 120.0,
    results: Annotated[Path | None, typer.Option(help="Results file (default: download_results_*.json in this folder).")] = None,
    token: Annotated[str, typer.Option(envvar="SOUNDMILL_API_TOKEN", help="The server's token, if it asks for one.")] = "",
) -> None:
    """Submit a list to a downloader over HTTP, one call at a time, and write the outcome of each to a results file.

    Exit code 1 if any of them failed.
    """
    from soundmill.errors import RequestListRefused, ServerUnavailable
    from soundmill.ingest.client import submit

    text = _read(lambda content: content, file, RequestListRefused)
    began = datetime.now().astimezone()
    try:
        found = submit(text, str(file), server, delay=delay, timeout=timeout, token=token, say=lambda line: typer.echo(line, err=True))
    except (ServerUnavailable, RequestListRefused) as error:
        refuse(str(error))
    place = results or Path(f"download_results_{began:%Y%m%d_%H%M%S}.json")
    place.write_text(json.dumps(found, indent=1) + "\n")
    typer.echo(f"{found['successful']} done, {found['skipped']} skipped, {found['failed']} failed; see {place}")
    raise typer.Exit(1 if found["failed"] else 0)


def _read(parse: Any, file: Path, refusal: type[ValueError]) -> Any:
    from soundmill.formats.spreadsheets import decoded

    try:
        return parse(decoded(sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()))
    except OSError as error:
        refuse(f"{file} cannot be read: {error}")
    except refusal as error:
        refuse(f"{file}: {error}")


def _counts(counts: Any) -> str:
    return ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))
