"""Sessions whose answer is known: an adjudicator decided them in other rounds."""

from datetime import datetime, timedelta

from soundmill.catalog import Box, Catalog, Ledger, Rounds, lies_in
from soundmill.labelling.spec import RoundSpec

Place = tuple[str, datetime, datetime]  # source, start, end


def known_answers(catalog: Catalog, name: str, spec: RoundSpec) -> dict[Place, tuple[Box, ...]]:
    """What is in sessions like those of a round, by where they lie: of its sources, of its sessions' length, decided in rounds that looked
    for all of its tags, and with no sound withdrawn since. Boxes of other tags are left out."""
    rounds = Rounds(catalog)
    tags = {one.name: set(RoundSpec.of(one).tags) for one in rounds.all()}
    found: dict[Place, tuple[Box, ...]] = {}
    for one, decision in rounds.answered(name):
        is_alike = one.end - one.start == timedelta(seconds=spec.session_seconds) and (not spec.sources or one.source in spec.sources)
        if is_alike and set(spec.tags) <= tags[one.round]:
            there = tuple(box for box in decision.boxes if box.tag in spec.tags and box.state != "rejected")
            found[one.source, one.start, one.end] = there
    withdrawn = {source: Ledger(catalog).withdrawn_spans(source) for source, *_ in found}
    return {
        (source, start, end): boxes
        for (source, start, end), boxes in found.items()
        if not lies_in(start, (end - start).total_seconds(), withdrawn[source])
    }
