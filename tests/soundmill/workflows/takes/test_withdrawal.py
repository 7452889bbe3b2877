"""Consents, takes, releases, exports, backups and withdrawals in any order: what is withdrawn is nowhere, and all else is where it was."""

import gzip
import random
import shutil
import tempfile
from pathlib import Path

import boto3
from sqlalchemy import select

from soundmill.backup.bucket import bucket_of
from soundmill.backup.mirror import back_up
from soundmill.catalog import Consent, Erasures, Ledger, Prompts, Speaker, Speakers, Take, Takes, open_catalog
from soundmill.catalog.erasures import subject_hash
from soundmill.catalog.schema import Base
from soundmill.errors import ConsentNeeded, ReleaseRefused
from soundmill.lake import open_lake
from soundmill.options import BackupOptions
from soundmill.workflows.cuts import update_cuts
from soundmill.workflows.erasure import erase, finish_erasing_takes
from soundmill.workflows.releases import define_release, export_release, make_release, opened
from soundmill.workflows.takes import PROMPTED_TAKES, export_original, update_takes
from tests.catalogs import sqlite_in
from tests.soundmill.workflows.takes.reading import found_anywhere, prompt_set, read, somebody

TERMS = {"prompts": ["digits"], "licence": "internal", "splits": {"all": 1.0}, "after": "none"}


class Withdrawal:
    """One studio, its pipeline and its backup."""

    def __init__(self, data: Path, endpoint: str) -> None:
        self.data = data
        self.folder = Path(tempfile.mkdtemp(prefix="soundmill-withdrawal-"))
        self.lake = open_lake(str(self.folder / "lake"))
        self.catalog = open_catalog(sqlite_in(self.folder))
        self.bucket_name = self.folder.name.replace("_", "x").lower()
        self.s3 = boto3.client("s3", endpoint_url=endpoint)
        self.s3.create_bucket(Bucket=self.bucket_name)
        self.options = BackupOptions(url=f"s3://{self.bucket_name}/b", endpoint=endpoint, lake_url=self.lake.url)
        self.living, self.gone, self.number, self.made = dict[str, Take](), list[Take](), 0, list[str]()
        self.people = list[tuple[Speaker, Consent, str]]()
        prompt_set(self.catalog, number=30, takes=3)
        self.consent(0)
        self.take(0)

    def do(self, step: str, which: int) -> None:
        """One thing that somebody does, or that happens."""
        getattr(self, step)(which)

    def consent(self, which: int) -> None:
        self.people.append(somebody(self.catalog))

    def take(self, which: int) -> None:
        self.number += 1
        who = self.people[which % len(self.people)]
        try:
            take = read(self.lake, self.catalog, self.data, who, f"u{self.number % 30}", self.number)
        except ConsentNeeded:
            assert Speakers(self.catalog).get(who[0].id).withdrawn_at is not None
            return
        self.living[take.key] = take

    def pipeline(self, which: int = 0) -> None:
        finish_erasing_takes(self.lake, self.catalog)
        for day in {take.day for take in (*self.living.values(), *self.gone)}:
            update_takes(self.lake, self.catalog, day, "en")
            update_cuts(self.lake, day, ())

    def release(self, which: int) -> None:
        name = f"r{len(self.made)}"
        define_release(self.catalog, name, TERMS)
        try:
            make_release(self.lake, self.catalog, name)
        except ReleaseRefused:
            assert not any(take.counts for take in self.living.values())
            return
        self.made.append(name)

    def export(self, which: int = 0) -> None:
        export_original(self.lake, self.catalog, "digits", self.folder / "out")
        if self.made:
            export_release(self.lake, self.catalog, self.made[-1], self.folder / "released")

    def backup(self, which: int = 0) -> None:
        back_up(bucket_of(self.options), self.lake, self.catalog, self.options, even_if_emptier=True)

    def withdraw_one(self, which: int) -> None:
        if self.living:
            take = list(self.living.values())[which % len(self.living)]
            erase(self.lake, self.catalog, take)
            self.gone.append(self.living.pop(take.key))

    def withdraw_all(self, which: int) -> None:
        who = self.people[which % len(self.people)]
        erase(self.lake, self.catalog, who[0])
        mine = [take for take in self.living.values() if take.speaker == who[0].id]
        self.gone += [self.living.pop(take.key) for take in mine]

    def end(self) -> None:
        """A day later."""
        try:
            self.pipeline()
            if self.made or (self.folder / "out").exists():
                self.export()
            self.backup()
            self.look()
        finally:
            self.catalog.close()
            shutil.rmtree(self.folder)

    def look(self) -> None:
        for take in self.gone:
            alone = take.speaker not in {one.speaker for one in self.living.values()}
            left = found_anywhere(take if alone else _without_speaker(take), self.folder / "lake", self.folder / "out")
            assert {Path(one).name for one in left} <= {"withdrawn.txt"}, left
            for name, data in self.stored().items():
                inside = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
                assert take.path.encode() not in inside, name
                assert take.derived_sha256.encode() not in inside or "withdrawn.txt" in name or "catalog/release_clips" in name, name
            assert Takes(self.catalog).get(take.key) is None
            (item,) = Ledger(self.catalog).known([take.source]).values()
            assert (item.state, item.content_hash, item.path) == ("withdrawn", None, None)
            for table in ("takes", "prompts", "prompt_skips"):
                with self.catalog.reading() as session:
                    rows = session.execute(select(Base.metadata.tables[table])).all()
                assert take.key not in str(rows)
        audit = {one.subject_sha256 for one in Erasures(self.catalog).all()}
        assert all(subject_hash(take.key) in audit or subject_hash(take.speaker) in audit for take in self.gone)
        for take in self.living.values():
            assert self.lake.exists(take.path)
            assert self.lake.exists(take.derived_path)
        rows = [
            row for day in {take.day for take in self.living.values()} for row in self.lake.read_days(PROMPTED_TAKES, [day]).to_pylist()
        ]
        assert {row["key"] for row in rows} == {take.source for take in self.living.values()}
        for name in self.made:
            assert {one.source for one in opened(self.lake, self.catalog, name).living} <= {take.source for take in self.living.values()}
        assert Prompts(self.catalog).progress("digits").takes == sum(
            min(3, sum(one.utterance == utterance and one.counts for one in self.living.values()))
            for utterance in {one.utterance for one in self.living.values()}
        )

    def stored(self) -> dict[str, bytes]:
        listed = self.s3.list_objects_v2(Bucket=self.bucket_name).get("Contents", ())
        return {one["Key"]: self.s3.get_object(Bucket=self.bucket_name, Key=one["Key"])["Body"].read() for one in listed}


SEQUENCES = 12


def _without_speaker(take: Take) -> Take:
    from dataclasses import replace

    return replace(take, speaker="nobody who is anywhere")


STEPS = ("consent", "take", "take", "take", "pipeline", "release", "export", "backup", "withdraw_one", "withdraw_one", "withdraw_all")


def test_in_any_order_nothing_is_left_of_what_was_withdrawn(data: Path, s3_endpoint: str) -> None:
    withdrawn = released = 0
    for seed in range(SEQUENCES):
        chance = random.Random(seed)
        world = Withdrawal(data, s3_endpoint)
        for _ in range(16):
            world.do(chance.choice(STEPS), chance.randrange(10))
        world.end()
        withdrawn += len(world.gone)
        released += any(world.made) and bool(world.gone)
    assert withdrawn >= 2 * SEQUENCES  # it was not for nothing
    assert released >= SEQUENCES // 3
