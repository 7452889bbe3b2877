"""Reading sentences in Chromium, with a WAV for its microphone: what arrives is what was played, and nothing is lost on the way."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile as sf
import soxr
from numpy.typing import NDArray
from playwright.sync_api import Page, expect
from scipy.signal import fftconvolve

from soundmill.catalog import Catalog, Prompts, Take, Takes, open_catalog
from soundmill.lake import open_lake
from soundmill.prompts.spec import prompt_set_spec
from soundmill.settings import Settings
from soundmill.studio.app import create_app
from soundmill.studio.connections import server_options
from tests.catalogs import sqlite_in
from tests.conftest import wait_until
from tests.soundmill.studio.pages.looking import violations
from tests.soundmill.studio.pages.microphone import RATE, Samples, chromium, microphone_of
from tests.soundmill.studio.running import served, studio, studio_processes
from tests.soundmill.workflows.takes.reading import prompt_set


def spoken(data: Path, name: str) -> NDArray[np.float32]:
    samples, rate = sf.read(data / "digit-strings" / name, dtype="float32")
    return np.asarray(soxr.resample(samples, rate, RATE, quality="VHQ"))


def quiet(seconds: float) -> NDArray[np.float32]:
    return np.zeros(round(seconds * RATE), np.float32)


def placed(played: Samples, heard: Samples) -> tuple[int, int]:
    """Where a take lies in what was played, and by how much it differs there, in steps of 16 bits."""
    long, short = played.astype(float), heard.astype(float)
    energy = np.cumsum(np.r_[0, long**2])
    place = int(np.argmax(2 * fftconvolve(long, short[::-1], "valid") - (energy[len(short) :] - energy[: -len(short)])))
    return place, int(np.abs(long[place : place + len(short)] - short).max())


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = open_catalog(sqlite_in(tmp_path / "home"))
    yield opened
    opened.close()


def begin(page: Page, client: httpx.Client, name: str = "digits") -> None:
    """Consents, and turns the microphone on."""
    page.goto(f"{client.base_url}/record/{name}")
    page.get_by_label("to train speech models").check()
    expect(page.get_by_role("button", name="I agree")).to_be_disabled()  # not before everything is ticked
    page.get_by_label("I am of age").check()
    page.get_by_label("Your accent").fill("Scottish")
    page.get_by_role("button", name="I agree").click()
    page.get_by_test_id("microphone").click()
    expect(page.get_by_test_id("record")).to_be_enabled(timeout=20_000)


def take_of(catalog: Catalog, number: int = 1) -> list[Take]:
    return list(wait_until(lambda: (found := Takes(catalog).listed()[0]) and len(found) == number and found, 20))


def test_what_arrives_is_what_was_played_and_a_verdict_comes_back(tmp_path: Path, catalog: Catalog, data: Path, axe: str) -> None:
    sound = np.concatenate([quiet(4.0), spoken(data, "five_digits.wav"), quiet(3.0)])
    played = microphone_of(sound, tmp_path / "mic.wav")
    prompt_set(catalog, number=3, limits={"bandwidth_check": 3000})
    errors: list[str] = []
    with studio(tmp_path / "home") as client, chromium(tmp_path / "profile", tmp_path / "mic.wav") as browser:
        page = browser.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{client.base_url}/record/digits")
        expect(page.get_by_test_id("consent")).to_contain_text("withdraw your consent")
        assert violations(page, axe) == []
        begin(page, client)
        assert violations(page, axe) == []
        expect(page.get_by_test_id("prompt")).to_have_text("sentence number 0 of this set")
        expect(page.get_by_test_id("keep")).to_be_hidden()
        page.keyboard.press("Space")
        expect(page.get_by_test_id("record")).to_contain_text("Stop")
        expect(page.get_by_test_id("skip")).to_be_disabled()
        page.wait_for_timeout(6000)
        page.keyboard.press("Space")
        expect(page.get_by_test_id("keep")).to_be_visible()
        expect(page.get_by_test_id("clip")).to_have_text("not distorted")
        page.keyboard.press("p")
        expect(page.get_by_test_id("play")).to_contain_text("Stop")
        page.keyboard.press("p")
        page.keyboard.press("Space")
        expect(page.get_by_test_id("prompt")).to_have_text("sentence number 1 of this set")
        expect(page.get_by_test_id("take-verdict")).to_contain_text("sentence number 0 of this set", timeout=20_000)
        (take,) = take_of(catalog)
        lake = open_lake(str(tmp_path / "home" / "lake"))
        stored, rate = sf.read(lake.full_path(take.path), dtype="int16")
        assert (rate, stored.ndim) == (RATE, 1)
        assert placed(np.concatenate([played, played]), stored)[1] == 0  # the very samples
        assert (take.settings["processed"], take.accent, take.settings["contextRate"], take.settings["gap"]) == (
            False,
            "Scottish",
            RATE,
            False,
        )
        assert take.utterance == "u0"
        if take.counts:
            page.get_by_test_id("back").click()  # it is read once more, and goes once the new one is there
            expect(page.get_by_test_id("prompt")).to_have_text("sentence number 0 of this set")
            assert Takes(catalog).listed()[1] == 1
            page.keyboard.press("Space")
            page.wait_for_timeout(4000)
            page.keyboard.press("Space")
            expect(page.get_by_test_id("keep")).to_be_visible()
            page.keyboard.press("Space")
            wait_until(
                lambda: [one.key for one in Takes(catalog).listed()[0]] not in ([take.key], []) and Takes(catalog).listed()[1] == 1, 20
            )
        other = browser.new_page()  # two tabs would be given the same sentences
        other.goto(f"{client.base_url}/record/digits")
        expect(other.get_by_role("alert")).to_contain_text("another tab")
        page.close()
        expect(other.get_by_test_id("prompt")).to_be_visible(timeout=20_000)
        page = other
        for width in (360, 2560):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert errors == []


def test_hands_free_cuts_hold_every_word_whole(tmp_path: Path, catalog: Catalog, data: Path) -> None:
    """Of digits with pauses inside, at their end, and between strings."""
    items = json.loads((data / "digit-strings" / "transcripts.json").read_text())["items"]
    names = ("pause_in_the_middle.wav", "three_digits.wav", "ends_in_long_pause.wav", "one_digit.wav", "two_pauses.wav", "five_digits.wav")
    parts, words = [quiet(8.5), spoken(data, "five_digits.wav"), quiet(6.0)], list[tuple[float, float]]()
    for name in names:
        at = sum(map(len, parts)) / RATE
        words += [(at + word["start"], at + word["end"]) for item in items if item["file"] == name for word in item["words"]]
        parts += [spoken(data, name), quiet(2.5)]
    played = microphone_of(np.concatenate(parts), tmp_path / "mic.wav")
    prompt_set(catalog, number=40)
    with studio(tmp_path / "home") as client, chromium(tmp_path / "profile", Path(f"{tmp_path / 'mic.wav'}%noloop")) as browser:
        page = browser.new_page()
        begin(page, client)
        expect(page.get_by_test_id("hands-free")).to_be_disabled()  # the test of the room comes first
        page.get_by_test_id("test").click()
        expect(page.get_by_test_id("room")).to_contain_text("the room is quiet", timeout=30_000)
        page.get_by_test_id("hands-free").check()
        page.wait_for_timeout(1000 * (len(played) / RATE - 12) + 2000)
        expect(page.get_by_test_id("outbox")).to_have_text("", timeout=20_000)
        takes = Takes(catalog).listed()[0]
        spans = []
        for take in takes:
            stored, _ = sf.read(tmp_path / "home" / "lake" / take.path, dtype="int16")
            place, difference = placed(played, stored)
            assert difference <= 1
            spans.append((place / RATE, (place + len(stored)) / RATE))
    torn = [word for word in words if not any(start <= word[0] and word[1] <= end for start, end in spans)]
    assert len(words) > 20
    assert torn == []
    assert len({(take.utterance, take.sha256) for take in takes}) == len(takes)


def test_no_take_is_lost_or_doubled_by_a_killed_studio_a_closed_page_or_no_network(tmp_path: Path, catalog: Catalog, data: Path) -> None:
    microphone_of(np.concatenate([spoken(data, "all_ten.wav"), spoken(data, "five_digits.wav")]), tmp_path / "mic.wav")
    prompt_set(catalog, number=8)

    def read(page: Page, number: int) -> None:
        expect(page.get_by_test_id("prompt")).to_have_text(f"sentence number {number} of this set")
        page.get_by_test_id("record").click()
        page.wait_for_timeout(1500)
        page.get_by_test_id("record").click()
        page.get_by_test_id("keep").click()

    with studio_processes(tmp_path / "home") as (client, process):
        address = client.base_url
        with chromium(tmp_path / "profile", tmp_path / "mic.wav") as browser:
            page = browser.new_page()
            begin(page, client)
            browser.set_offline(True)  # no network: two are read all the same, for sentences are at hand
            read(page, 0)
            read(page, 1)
            expect(page.get_by_test_id("outbox")).to_contain_text("2 recordings wait")
            assert Takes(catalog).listed(state=None)[1] == 0
            expect(page.get_by_test_id("prompt")).to_have_text("sentence number 2 of this set")
            page.get_by_test_id("record").click()
            page.wait_for_timeout(1200)
            page.get_by_test_id("record").click()
            expect(page.get_by_test_id("keep")).to_be_visible()  # and a third is not even kept yet
            page.wait_for_timeout(300)
        process.kill()  # the browser is gone with what it holds, and so is the studio
        process.wait()
    with chromium(tmp_path / "profile", tmp_path / "mic.wav") as browser:
        page = browser.new_page()
        with served(create_app(Settings(home=tmp_path / "home", _env_file=None)), address.port or 0, **server_options()) as client:
            page.goto(f"{client.base_url}/record/digits")
            expect(page.get_by_test_id("outbox")).to_have_text("", timeout=60_000)
            done = take_of(catalog, 2)
            assert {take.utterance for take in done} == {"u0", "u1"}
            expect(page.get_by_test_id("prompt")).to_have_text("sentence number 2 of this set")
            page.get_by_test_id("microphone").click()
            page.get_by_test_id("keep").click()  # what was not kept is still there
            take_of(catalog, 3)
            assert Takes(catalog).listed(utterance="u2")[1] == 1
    assert len({take.key for take in Takes(catalog).listed()[0]}) == 3


def test_a_disk_that_is_full_keeps_takes_waiting_and_a_void_take_is_not_kept(tmp_path: Path, catalog: Catalog, data: Path) -> None:
    microphone_of(spoken(data, "all_ten.wav"), tmp_path / "mic.wav")
    prompt_set(catalog, number=3)
    with studio(tmp_path / "home", least_free_megabytes=1 << 40) as client, chromium(tmp_path / "profile", tmp_path / "mic.wav") as browser:
        page = browser.new_page()
        begin(page, client)
        page.keyboard.press("Space")
        page.wait_for_timeout(1500)
        page.keyboard.press("Backspace")  # again: what was read so far is void
        expect(page.get_by_test_id("record")).to_contain_text("Start")
        page.keyboard.press("Space")
        page.wait_for_timeout(1500)
        page.keyboard.press("Space")
        expect(page.get_by_test_id("keep")).to_be_visible()
        page.keyboard.press("Space")
        expect(page.get_by_test_id("outbox")).to_contain_text("1 recording waits", timeout=20_000)
        expect(page.get_by_test_id("outbox")).to_contain_text("storage cannot be used", timeout=20_000)
        assert Takes(catalog).listed(state=None)[1] == 0
        page.keyboard.press("s")
        page.get_by_role("button", name="it has a mistake").click()
        expect(page.get_by_test_id("prompt")).to_have_text("sentence number 2 of this set")


def test_a_page_by_plain_http_says_why_it_cannot_record(tmp_path: Path, catalog: Catalog, data: Path) -> None:
    microphone_of(quiet(1.0), tmp_path / "mic.wav")
    prompt_set(catalog)
    with (
        studio(tmp_path / "home", studio_origins="http://studio.example") as client,
        chromium(tmp_path / "profile", tmp_path / "mic.wav") as browser,
    ):
        page = browser.new_page()

        def elsewhere(route: Any) -> None:
            route.fulfill(response=route.fetch(url=route.request.url.replace("http://studio.example", str(client.base_url))))

        page.route("http://studio.example/**", elsewhere)
        page.goto("http://studio.example/record/digits")
        expect(page.get_by_role("alert")).to_contain_text("plain HTTP")
        expect(page.get_by_role("alert")).to_contain_text("soundmill studio --tls")


def test_takes_are_heard_and_judged_and_a_speaker_withdraws(tmp_path: Path, catalog: Catalog, data: Path, axe: str) -> None:
    from tests.soundmill.workflows.takes.reading import read, somebody

    microphone_of(quiet(1.0), tmp_path / "mic.wav")
    prompt_set(catalog, number=4)
    lake, who = open_lake(str(tmp_path / "home" / "lake")), somebody(catalog)
    for number in range(3):
        read(lake, catalog, data, who, f"u{number}", number)
    with studio(tmp_path / "home") as client, chromium(tmp_path / "profile", tmp_path / "mic.wav") as browser:
        page = browser.new_page()
        page.goto(f"{client.base_url}/record/digits/takes")
        page.get_by_role("button", name="all", exact=True).click()
        expect(page.get_by_test_id("take-verdict")).to_be_visible()
        assert violations(page, axe) == []
        page.keyboard.press("r")
        wait_until(lambda: Takes(catalog).listed(show="rejected")[1] == 1, 10)
        page.keyboard.press("a")
        wait_until(lambda: Takes(catalog).listed(show="accepted")[1] == 1, 10)
        page.get_by_role("button", name="rejected", exact=True).click()
        expect(page.get_by_test_id("take-verdict")).to_contain_text("rejected by")
        page.goto(f"{client.base_url}/my-recordings#{who[2]}")
        expect(page.get_by_test_id("my-takes").get_by_role("row")).to_have_count(4)
        assert violations(page, axe) == []
        page.get_by_role("button", name="Delete: sentence number 0 of this set").click()
        page.get_by_role("button", name="Delete it for good").click()
        expect(page.get_by_test_id("my-takes").get_by_role("row")).to_have_count(3)
        page.get_by_test_id("withdraw").click()
        page.get_by_test_id("withdraw-all").click()
        expect(page.get_by_test_id("withdrawn")).to_be_visible()
        assert Takes(catalog).listed(state=None)[1] == 0
        page.goto(f"{client.base_url}/record")
        assert violations(page, axe) == []
        page.get_by_label("Name", exact=True).fill("words")
        page.get_by_label("Sentences, one a line").fill("one\ntwo\n")
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_test_id("prompt-sets")).to_contain_text("0 of 2")
    assert len(Prompts(catalog).prompts("words")) == 2
    assert prompt_set_spec({}).licence == Prompts(catalog).get("words").spec["licence"]
