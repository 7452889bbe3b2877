"""People who label a round's sessions, with errors of their own."""

from collections.abc import Callable

from soundmill.catalog import Box, Catalog, Claim, Rounds, Submission

Says = Callable[[Claim], list[Box]]


def answer(catalog: Catalog, name: str, says: dict[str, Says]) -> int:
    """Everybody takes sessions until there is none left for anybody; returns how many submissions counted."""
    rounds, counted, again = Rounds(catalog), 0, True
    while again:
        again = False
        for who, boxes_of in says.items():
            if claim := rounds.claim(name, who):
                one = claim.session
                counted += rounds.submit(claim, Submission(who, one.source, one.start, one.end, tuple(boxes_of(claim))))[1]
                again = True
    return counted
