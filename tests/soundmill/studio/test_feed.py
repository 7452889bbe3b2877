"""The feed: each part is looked at once for everybody, sent when it changes, and by nobody's looking not at all."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count

from soundmill.errors import CatalogUnavailable
from soundmill.studio.feed import Feed, Part


async def _take(lines: AsyncIterator[tuple[str, str]], number: int) -> list[tuple[str, str]]:
    return [await asyncio.wait_for(anext(lines), 10) for _ in range(number)]


def test_all_parts_come_first_and_then_what_changes() -> None:
    async def run() -> None:
        texts = {"a": "1", "b": "1"}
        feed = Feed({name: Part(lambda name=name: texts[name], 0.01) for name in texts})  # type: ignore[misc]
        lines = feed.follow(60)
        assert sorted(await _take(lines, 2)) == [("a", "1"), ("b", "1")]
        texts["b"] = "2"
        assert await _take(lines, 1) == [("b", "2")]
        late = feed.follow(60)
        assert sorted(await _take(late, 2)) == [("a", "1"), ("b", "2")]
        await lines.aclose()  # type: ignore[attr-defined]
        await late.aclose()  # type: ignore[attr-defined]

    asyncio.run(run())


def test_a_hundred_followers_cost_one_look_and_none_costs_nothing() -> None:
    async def run() -> None:
        looks = count()
        feed = Feed({"part": Part(lambda: f"{next(looks)}", 3600)})
        followers = [feed.follow(60) for _ in range(100)]
        assert [await _take(one, 1) for one in followers] == [[("part", "0")]] * 100
        for one in followers:
            await one.aclose()  # type: ignore[attr-defined]
        await asyncio.sleep(0.05)
        assert next(looks) == 1
        assert all(part.task is None for part in feed._parts.values())

    asyncio.run(run())


def test_a_part_that_cannot_be_read_now_comes_when_it_can() -> None:
    async def run() -> None:
        looks = count()

        def look() -> str:
            if next(looks) < 2:
                raise CatalogUnavailable("it is away")
            return "there"

        lines = Feed({"part": Part(look, 0.01)}).follow(60)
        assert await _take(lines, 1) == [("part", "there")]
        await lines.aclose()  # type: ignore[attr-defined]

    asyncio.run(run())


def test_following_ends_so_that_who_follows_is_asked_again() -> None:
    async def run() -> None:
        feed = Feed({"part": Part(lambda: "1", 0.01)})
        assert [line async for line in feed.follow(0.0)] == []

    asyncio.run(run())
