"""Sensors and schedules on a real Dagster instance."""

import asyncio
import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg

from assets.partitions import RANGE_END, RANGE_START, models
from resources import AlertsResource, DownloadsResource, SpeechResource
from sensors.sensors import (
    PROCESS,
    SENSORS,
    changed_annotations,
    days_in_flight,
    download_requests,
    failed_runs,
    model_requests,
    new_audio,
    new_champion,
    new_speech,
    release_requests,
    round_requests,
)
from soundmill.catalog import Accounts, Annotations, DownloadQueue, ModelRegistry, Releases, Rounds, Wanted
from soundmill.formats.annotation import Annotation
from soundmill.ingest.downloader import Downloader
from soundmill.ingest.downloads import DOWNLOADS
from soundmill.options import upload_options
from soundmill.osr.detections import DETECTIONS
from soundmill.settings import Settings
from soundmill.speech.tables import TRANSCRIPTS
from soundmill.workflows.erasure import erase
from soundmill.workflows.releases import define_release
from soundmill.workflows.uploads.intake import Wanted as WantedUpload
from soundmill.workflows.uploads.worker import UploadWorker
from tests.conftest import wait_until, wav
from tests.home import DAYS, Home
from tests.sensors.ticks import launch
from tests.soundmill.workflows.releases.garden import garden
from tests.web import Web, reply


def tick(sensor: dg.SensorDefinition, home: Home, cursor: str | None = None) -> dg.SensorResult | dg.SkipReason:
    used = {name: home.resources[name] for name in sensor.required_resource_keys}
    with dg.build_sensor_context(instance=home.instance, cursor=cursor, resources=used, definitions=home.defs) as context:
        return sensor(context)


def asked(result: dg.SensorResult | dg.SkipReason) -> list[str]:
    assert isinstance(result, dg.SensorResult), result
    return [str(request.partition_key) for request in result.run_requests or []]


def test_new_audio_asks_once_for_each_changed_day_and_is_quiet_when_it_is_done(local_home: Home) -> None:
    local_home.land_day(DAYS[0])
    local_home.lake.write_bytes("landing/mic/2025-01-02/20250102T100000Z.wav", wav(3.0))
    first = tick(new_audio, local_home)
    assert asked(first) == ["2025-01-02", "2025-01-01"]
    for request in first.run_requests or []:
        launch(local_home, request, "day_chain")
    done = tick(new_audio, local_home)
    assert isinstance(done, dg.SkipReason)
    assert "nothing changed" in (done.skip_message or "")
    local_home.lake.write_bytes("landing/mic/2025-01-02/20250102T110000Z.wav", wav(3.0))
    waiting = tick(new_audio, local_home, first.cursor)
    assert isinstance(waiting, dg.SkipReason)
    assert "1 changed days wait" in (waiting.skip_message or "")
    later = json.dumps({"2025-01-02": 1.0})
    (again,) = tick(new_audio, local_home, later).run_requests or []
    assert again.run_key not in {request.run_key for request in first.run_requests or []}


def test_at_most_one_run_of_a_day_is_in_flight(local_home: Home) -> None:
    local_home.land_day(DAYS[0])
    job = local_home.defs.resolve_job_def("day_chain")
    run = local_home.instance.create_run_for_job(job, tags={"dagster/partition": "2025-01-01"}, status=dg.DagsterRunStatus.STARTED)
    assert days_in_flight(local_home.instance, "captured_segments", local_home.days) == {"2025-01-01"}
    assert isinstance(tick(new_audio, local_home), dg.SkipReason)
    local_home.instance.report_run_canceled(run)
    assert asked(tick(new_audio, local_home)) == ["2025-01-01"]


def test_a_backfill_s_range_counts_as_in_flight(local_home: Home) -> None:
    job = local_home.defs.resolve_job_def("day_chain")
    tags = {"dagster/asset_partition_range_start": "2025-01-02", "dagster/asset_partition_range_end": "2025-01-04"}
    local_home.instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTED)
    assert days_in_flight(local_home.instance, "captured_segments", local_home.days) == {"2025-01-02", "2025-01-03", "2025-01-04"}


def test_a_recording_over_midnight_asks_for_the_next_day_too(local_home: Home) -> None:
    local_home.lake.write_bytes("landing/mic/2025-01-01/20250101T235955Z.wav", wav(12.0))
    local_home.run("captured_segments", days=DAYS[:1])
    (request,) = tick(new_audio, local_home).run_requests or []
    assert request.partition_key == "2025-01-02"
    launch(local_home, request, "day_chain")
    assert isinstance(tick(new_audio, local_home), dg.SkipReason)


def test_days_out_of_range_and_stray_files_are_reported(local_home: Home) -> None:
    local_home.lake.write_bytes("landing/mic/1999-12-31/a.wav", wav(3.0))
    local_home.lake.write_bytes("landing/stray.wav", wav(3.0))
    result = tick(new_audio, local_home)
    assert isinstance(result, dg.SkipReason)
    assert "1 files lie outside" in (result.skip_message or "")
    assert "no partition for 1999-12-31" in (result.skip_message or "")


def test_a_failed_run_is_asked_for_again_three_times_in_all(local_home: Home) -> None:
    local_home.land_day(DAYS[0])
    keys = []
    for _ in range(3):
        (request,) = tick(new_audio, local_home).run_requests or []
        keys.append(request.run_key)
        job = local_home.defs.resolve_job_def("day_chain")
        run = local_home.instance.create_run_for_job(
            job, tags={**request.tags, "dagster/partition": "2025-01-01"}, status=dg.DagsterRunStatus.STARTED
        )
        assert isinstance(tick(new_audio, local_home), dg.SkipReason)
        local_home.instance.report_run_failed(run, "killed")
    assert len(set(keys)) == 3
    given_up = tick(new_audio, local_home)
    assert isinstance(given_up, dg.SkipReason)
    assert "failed 3 times" in (given_up.skip_message or "")
    local_home.lake.write_bytes("landing/mic/2025-01-01/20250101T230000Z.wav", wav(3.0))
    assert asked(tick(new_audio, local_home)) == ["2025-01-01"]


def test_a_broken_file_is_asked_for_again_when_its_next_attempt_is_due(local_home: Home) -> None:
    from dataclasses import replace

    local_home.lake.write_bytes("landing/mic/2025-01-01/20250101T100000Z.wav", wav(3.0)[:40])
    local_home.run("captured_segments", days=DAYS[:1])
    assert isinstance(tick(new_audio, local_home), dg.SkipReason)
    (item,) = local_home.ledger.quarantined(DAYS[0])
    local_home.ledger.record(replace(item, next_attempt_at=datetime(2025, 1, 1, tzinfo=UTC)))
    assert asked(tick(new_audio, local_home)) == ["2025-01-01"]
    local_home.run("captured_segments", days=DAYS[:1])
    assert isinstance(tick(new_audio, local_home), dg.SkipReason)
    assert local_home.ledger.quarantined(DAYS[0])[0].attempts == 2


def test_the_run_of_a_killed_command_holds_nothing_up(local_home: Home) -> None:
    from pipeline.run import report_dead_runs
    from soundmill.catalog import process_mark

    local_home.land_day(DAYS[0])
    job = local_home.defs.resolve_job_def("day_chain")
    machine, _, _ = process_mark().split(" ")
    for process in (f"{machine} 999999999 1", process_mark()):
        tags = {"dagster/partition": "2025-01-01", PROCESS: process}
        local_home.instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTED)
        expected = {"2025-01-01"} if process == process_mark() else set()
        assert days_in_flight(local_home.instance, "captured_segments", local_home.days) == expected
    assert report_dead_runs(local_home.instance) == 1
    assert local_home.instance.get_runs_count(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])) == 1


def test_changed_annotations_ask_for_their_days(local_home: Home) -> None:
    for day in DAYS:
        local_home.land_day(day)
    first = tick(changed_annotations, local_home)
    assert sorted(asked(first)) == [day.isoformat() for day in DAYS]
    for request in first.run_requests or []:
        launch(local_home, request, "labels_chain")
    assert isinstance(tick(changed_annotations, local_home), dg.SkipReason)
    labels = Annotations(local_home.catalog)
    labels.withdraw(labels.of_days(DAYS[1], DAYS[1])[:1])
    assert asked(tick(changed_annotations, local_home)) == ["2025-01-02"]


def test_a_model_whose_fit_failed_for_want_of_labels_is_asked_for_again_when_they_come(local_home: Home) -> None:
    local_home.define("house", train_days=DAYS[:1], test_days=DAYS[1:2])
    local_home.instance.add_dynamic_partitions(models.name or "", ["house"])
    unheard = tick(model_requests, local_home)
    assert isinstance(unheard, dg.SkipReason)
    assert "1 wait for their first label" in (unheard.skip_message or "")
    local_home.land_day(DAYS[2])
    local_home.run("annotations", days=DAYS[2:])
    (early,) = tick(model_requests, local_home).run_requests or []
    (same,) = tick(model_requests, local_home).run_requests or []
    assert early.run_key == same.run_key  # Dagster runs a key once
    local_home.land_day(DAYS[0])
    pending = tick(model_requests, local_home)
    assert isinstance(pending, dg.SkipReason)
    assert "labels of 1 days" in (pending.skip_message or "")
    local_home.run("annotations", days=DAYS[:1])
    (later,) = tick(model_requests, local_home).run_requests or []
    assert later.run_key != early.run_key
    job = local_home.defs.resolve_job_def("day_chain")
    local_home.instance.create_run_for_job(job, tags={"dagster/partition": "2025-01-01"}, status=dg.DagsterRunStatus.STARTED)
    waits = tick(model_requests, local_home)
    assert isinstance(waits, dg.SkipReason)
    assert "models wait" in (waits.skip_message or "")


def test_a_defined_model_gets_its_partition_and_one_request(local_home: Home) -> None:
    assert isinstance(tick(model_requests, local_home), dg.SkipReason)
    for day in DAYS:
        local_home.land_day(day)
    local_home.run("captured_segments", "annotations", "segment_features", "annotation_features", days=DAYS)
    local_home.define("house", train_days=DAYS[:2], test_days=DAYS[2:])
    result = tick(model_requests, local_home)
    assert asked(result) == ["house"]
    assert [list(request.partition_keys) for request in result.dynamic_partitions_requests or []] == [["house"]]
    local_home.instance.add_dynamic_partitions(models.name or "", ["house", "gone"])
    launch(local_home, (result.run_requests or [])[0], "model_chain")
    left = tick(model_requests, local_home)
    assert asked(left) == []
    (removal,) = left.dynamic_partitions_requests or []
    assert list(removal.partition_keys) == ["gone"]
    local_home.instance.delete_dynamic_partition(models.name or "", "gone")
    rounds = Rounds(local_home.catalog)
    rounds.define("night", {"tags": ["kettle"], "days": [str(DAYS[1])]})
    begin = datetime(2025, 1, 2, 9, tzinfo=UTC)
    found = Annotation("mic", begin + timedelta(seconds=5), begin + timedelta(seconds=8), "kettle", "round:night")
    Annotations(local_home.catalog).add([found])
    local_home.run("annotations", "annotation_features", days=DAYS[1:2])
    (again,) = tick(model_requests, local_home).run_requests or []
    launch(local_home, again, "model_chain")
    assert isinstance(tick(model_requests, local_home), dg.SkipReason)
    card = ModelRegistry(local_home.catalog).current("house").card
    assert card
    assert (card["version"], card["data"]["from_rounds"]) == (2, {"night": {"kettle": 1}})
    assert card["data"]["earlier"]["version"] == 1
    local_home.define("house", train_days=DAYS[:1], test_days=DAYS[2:])
    assert asked(tick(model_requests, local_home)) == ["house"]


def test_a_failed_run_is_logged_and_posted(local_home: Home, web: Web) -> None:
    local_home.lake.write_bytes("tables/captured_segments/2025-01-01.parquet", b"damaged")
    job = local_home.defs.resolve_implicit_global_asset_job_def()
    failed = job.execute_in_process(
        instance=local_home.instance,
        asset_selection=[dg.AssetKey("segment_features")],
        partition_key="2025-01-01",
        raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    context = dg.build_run_status_sensor_context(
        "failed_runs",
        dagster_instance=local_home.instance,
        dagster_run=failed.dagster_run,
        dagster_event=next(event for event in failed.all_events if event.is_failure and event.step_key is None),
    ).for_run_failure()
    failed_runs(context, alerts=AlertsResource(webhook=web.on("/hook", lambda _, connection: reply(connection, "200 OK"))))
    alert = json.loads(web.asked[0].body)
    assert "2025-01-01" in alert["text"]
    assert "segment_features" in alert["text"]
    assert alert["run_id"] == failed.run_id


def test_a_hundred_thousand_landed_files_are_one_listing_and_a_small_cursor(local_home: Home) -> None:
    folder = Path(local_home.lake.full_path("landing/mic/2025-01-01"))
    folder.mkdir(parents=True)
    for number in range(100_000):
        os.mknod(folder / f"{1735689600000 + number}.wav")
    result = tick(new_audio, local_home)
    assert asked(result) == ["2025-01-01"]
    assert len(result.cursor or "") < 100
    assert max(len(request.run_key or "") for request in result.run_requests or []) < 80


def ask(home: Home, url: str, moment: datetime, name: str = "call") -> None:
    DownloadQueue(home.catalog).add([Wanted(name, "agent", url)], moment)


def test_requests_are_asked_for_once_and_again_when_their_time_has_come(local_home: Home, web: Web) -> None:
    moment = datetime(2025, 1, 2, 9, tzinfo=UTC)
    assert isinstance(tick(download_requests, local_home), dg.SkipReason)
    ask(local_home, web.on("/a", lambda _, connection: reply(connection, "503 Busy")), moment)
    first = tick(download_requests, local_home)
    assert asked(first) == ["2025-01-02"]
    launch(local_home, (first.run_requests or [])[0], "downloads_chain")
    assert isinstance(tick(download_requests, local_home), dg.SkipReason)  # it waits for its next attempt
    queue = DownloadQueue(local_home.catalog)
    assert queue.counts(datetime.now(UTC)) == {"waiting": 1}
    web.serve("/a", wav(2.0))
    queue.retry()
    launch(local_home, (tick(download_requests, local_home).run_requests or [])[0], "downloads_chain")
    assert queue.counts(datetime.now(UTC)) == {"done": 1}
    done = tick(download_requests, local_home)
    assert isinstance(done, dg.SkipReason)
    assert "nothing changed" in (done.skip_message or "")


def test_a_day_on_which_files_came_over_http_gets_its_tables(local_home: Home, web: Web, tmp_path: Path) -> None:
    async def post() -> None:
        options = local_home.resources["fetching"].options()
        async with Downloader(local_home.lake, local_home.catalog, options) as worker:
            (outcome,) = await worker.fetch_now([Wanted("call", "agent", web.serve("/a", wav(2.0)))])
            assert outcome.failure is None

    asyncio.run(post())
    result = tick(download_requests, local_home)
    assert asked(result) == [str(datetime.now(UTC).date())]
    launch(local_home, (result.run_requests or [])[0], "downloads_chain")
    assert isinstance(tick(download_requests, local_home), dg.SkipReason)
    assert len(local_home.lake.read_days(DOWNLOADS, [datetime.now(UTC).date()])) == 1


def test_at_the_target_no_download_is_asked_for_if_so_configured(local_home: Home, web: Web) -> None:
    ask(local_home, web.serve("/a", wav(2.0)), datetime(2025, 1, 2, tzinfo=UTC))
    local_home.run("downloads", days=(date(2025, 1, 2),))
    ask(local_home, web.url + "/b", datetime(2025, 1, 2, tzinfo=UTC), "other")
    local_home.resources["fetching"] = DownloadsResource(
        spool=local_home.resources["fetching"].spool, allow=["127.0.0.1"], stop_at_hours=1 / 3600
    )
    stopped = tick(download_requests, local_home)
    assert isinstance(stopped, dg.SkipReason)
    assert "target" in (stopped.skip_message or "")


def test_a_new_champion_has_past_days_detected_anew_in_unbroken_ranges(local_home: Home) -> None:
    assert isinstance(tick(new_champion, local_home), dg.SkipReason)
    for day in DAYS:
        local_home.land_day(day)
    local_home.run("captured_segments", "annotations", "segment_features", "annotation_features", days=DAYS)
    local_home.define("house", train_days=DAYS[:2], test_days=DAYS[2:])
    local_home.run("osr_model", model="house")
    (request,) = tick(new_champion, local_home).run_requests or []
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == (str(DAYS[0]), str(DAYS[-1]))
    launch(local_home, request, "detections_chain")
    quiet = tick(new_champion, local_home)
    assert isinstance(quiet, dg.SkipReason)
    assert "every segmented day has detections by house/1" in (quiet.skip_message or "")
    local_home.define("house", train_days=DAYS[:1], test_days=DAYS[2:])
    local_home.run("osr_model", model="house")
    assert isinstance(tick(new_champion, local_home), dg.SkipReason)
    ModelRegistry(local_home.catalog).promote("house", 2, "to see")
    local_home.run("detections", days=DAYS[1:2])
    later, earlier = tick(new_champion, local_home).run_requests or []
    assert (later.partition_key, earlier.partition_key) == (str(DAYS[2]), str(DAYS[0]))
    for request in (later, earlier):
        launch(local_home, request, "detections_chain")
    said = local_home.lake.read_days(DETECTIONS, DAYS)
    assert sorted(said["version"].to_pylist()) == [1] * 72 + [2] * 72  # those of the first champion stay


def test_speech_is_asked_for_when_recordings_words_or_the_model_change(local_home: Home, data: Path, digits_model: Path) -> None:
    strings = data / "digit-strings"
    local_home.lake.write_bytes("landing/mic/2025-01-01/20250101T100000Z.wav", (strings / "one_digit.wav").read_bytes())
    local_home.run("captured_segments", days=DAYS[:1])
    without = tick(new_speech, local_home)
    assert isinstance(without, dg.SkipReason)
    assert "soundmill pretrained fetch vosk-small-en" in (without.skip_message or "")

    def answer(**values: object) -> dg.SensorResult | dg.SkipReason:
        local_home.resources["speech"] = SpeechResource(vosk_model=str(digits_model), **values)  # type: ignore[arg-type]
        local_home.rebuild()
        return tick(new_speech, local_home)

    (request,) = answer().run_requests or []
    launch(local_home, request, "speech_chain")
    assert isinstance(answer(), dg.SkipReason)
    (other_words,) = answer(keywords=["seven"]).run_requests or []
    launch(local_home, other_words, "speech_chain")
    assert isinstance(answer(keywords=["seven"]), dg.SkipReason)
    (back,) = answer().run_requests or []  # Dagster runs no key twice
    assert back.run_key not in (request.run_key, other_words.run_key)
    local_home.lake.write_bytes("landing/mic/2025-01-01/20250101T110000Z.wav", (strings / "three_digits.wav").read_bytes())
    local_home.run("captured_segments", days=DAYS[:1])
    assert asked(answer(keywords=["seven"])) == ["2025-01-01"]
    off = answer(transcription_enabled=False)
    assert isinstance(off, dg.SkipReason)


def test_days_of_speech_go_in_one_run_without_the_empty_ones_and_behind_what_people_ask_for(
    local_home: Home, data: Path, digits_model: Path
) -> None:
    sound = (data / "digit-strings" / "one_digit.wav").read_bytes()
    for day in DAYS:
        local_home.lake.write_bytes(f"landing/mic/{day}/{day:%Y%m%d}T100000Z.wav", sound)
    empty = DAYS[-1] + timedelta(days=5)
    local_home.run("captured_segments", days=[*DAYS, empty])
    local_home.resources["speech"] = SpeechResource(vosk_model=str(digits_model))
    local_home.rebuild()
    (request,) = tick(new_speech, local_home).run_requests or []
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == (str(DAYS[0]), str(DAYS[-1]))
    assert int(request.tags["dagster/priority"]) < 0
    launch(local_home, request, "speech_chain")
    assert isinstance(tick(new_speech, local_home), dg.SkipReason)


def test_the_ui_lists_what_each_sensor_is_for() -> None:
    assert all(one.description and len(one.description) > 20 for one in SENSORS)


def test_an_upload_and_its_deletion_have_the_day_s_speech_made(local_home: Home, data: Path, digits_model: Path, tmp_path: Path) -> None:
    local_home.resources["speech"] = SpeechResource(vosk_model=str(digits_model))
    local_home.rebuild()
    account = Accounts(local_home.catalog).add("ann", "correct-horse-9")
    settings = Settings(home=tmp_path, vosk_model=digits_model)
    file = data / "digit-strings" / "three_digits.wav"
    with UploadWorker(local_home.lake, local_home.catalog, upload_options(settings)) as worker:
        upload = worker.receive(account, WantedUpload("take", "digits.wav"), file, "0" * 64)
        wait_until(lambda: getattr(worker.uploads.get(upload.uuid), "state", "") == "done", 30)
    (request,) = tick(new_speech, local_home).run_requests or []
    launch(local_home, request, "speech_chain")
    (row,) = local_home.lake.read_days(TRANSCRIPTS, [upload.day]).to_pylist()
    assert (row["kind"], row["recording"], row["text"]) == ("upload", "digits", "four eight two")
    assert len(local_home.stored("manifests/cuts")) == 1
    assert isinstance(tick(new_speech, local_home), dg.SkipReason)
    newest = local_home.instance.get_latest_materialization_event(dg.AssetKey("transcripts"))
    assert newest is not None
    assert "four eight two" not in str(newest.asset_materialization)  # Dagster's log would keep it for ever
    erase(local_home.lake, local_home.catalog, upload)
    local_home.resources["speech"] = SpeechResource(vosk_model=str(tmp_path / "gone"))
    local_home.rebuild()
    (request,) = tick(new_speech, local_home).run_requests or []
    launch(local_home, request, "speech_chain")
    assert len(local_home.lake.read_days(TRANSCRIPTS, [upload.day])) == 0
    assert local_home.stored("manifests/cuts") == {}


def test_a_round_and_its_release_are_made_by_their_sensors_from_definition_to_data_set(local_home: Home) -> None:
    garden(local_home.lake, local_home.catalog)
    rounds = Rounds(local_home.catalog)
    rounds.define("new", rounds.get("owls").spec)
    first = tick(round_requests, local_home)
    assert isinstance(first, dg.SensorResult)
    assert sorted((request.job_name, request.partition_key) for request in first.run_requests or []) == [
        ("draw_round", "new"), ("settle_round", "owls"),
    ]  # fmt: skip
    for change in first.dynamic_partitions_requests or []:
        local_home.instance.add_dynamic_partitions("rounds", list(change.partition_keys))
    for request in first.run_requests or []:
        if request.partition_key == "owls":
            launch(local_home, request, request.job_name or "")
    again = tick(round_requests, local_home)
    assert isinstance(again, dg.SensorResult)  # Dagster itself drops a key that it has seen
    assert {request.run_key for request in again.run_requests or []} == {request.run_key for request in first.run_requests or []}
    assert not again.dynamic_partitions_requests
    nothing = tick(release_requests, local_home)
    assert isinstance(nothing, dg.SkipReason)
    assert "0 releases" in (nothing.skip_message or "")
    define_release(local_home.catalog, "owls-1.0", {"rounds": ["owls"], "licence": "CC0-1.0"})
    asked_for = tick(release_requests, local_home)
    assert asked(asked_for) == ["owls-1.0"]
    local_home.instance.add_dynamic_partitions("releases", ["owls-1.0"])
    for request in asked_for.run_requests or []:
        launch(local_home, request, "make_release")
    assert Releases(local_home.catalog).get("owls-1.0").content is not None
    done = tick(release_requests, local_home)
    assert isinstance(done, dg.SkipReason)
    assert "0 wait for their rounds to be closed" in (done.skip_message or "")
    rounds.set_state("owls", "open")
    define_release(local_home.catalog, "owls-1.1", {"rounds": ["owls"], "licence": "CC0-1.0"})
    waiting = tick(release_requests, local_home)
    assert isinstance(waiting, dg.SensorResult)
    assert not waiting.run_requests  # a partition, and no run that would fail
    rounds.set_state("owls", "closed")
    assert asked(tick(release_requests, local_home)) == ["owls-1.1"]
