"""What several people's labels of one session come to."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from soundmill.catalog import Box, Submission
from soundmill.labelling.agreement import Event, event_f1, match_events
from soundmill.times import from_ms, to_ms

_SURE = 0.9  # of whether a tag is there


def agreed_on(
    by_person: Mapping[str, Submission], tags: Sequence[str], agreed_f1: float, probability: Mapping[str, float]
) -> tuple[Box, ...] | None:
    """What most of those who labelled a session have in common, each box with whose it was; None where they differ too much.

    Where the `probability` is known that a tag is there (`raters.weigh`), it decides whether it is, and those decide where who saw it. For
    other tags everybody has the same say, and one that a single person saw is disputed.
    """
    people = sorted(by_person)
    if len(people) == 1:
        (only,) = by_person.values()
        return tuple(replace(box, note=_parents([only])) for box in only.boxes)
    if any(1 - _SURE < of < _SURE for of in probability.values()):
        return None
    kept = {who: [box for box in by_person[who].boxes if box.state != "rejected"] for who in people}
    agreed = list[Box]()
    equals = {who: [box for box in kept[who] if box.tag not in probability] for who in people}
    if not _agree(equals, agreed_f1):
        return None
    for tag in sorted({box.tag for boxes in kept.values() for box in boxes} | set(tags)):
        of_tag = {who: [box for box in kept[who] if box.tag == tag] for who in people}
        saw = [who for who in people if of_tag[who]]
        if tag in probability:
            if probability[tag] <= 1 - _SURE:
                continue
            of_tag = {who: of_tag[who] for who in saw}
            if not _agree(of_tag, agreed_f1):
                return None
        elif len(saw) == 1 and tag in tags:
            return None
        agreed += _usual(of_tag, by_person)
    return (*agreed, *_rejected_by_all(by_person))


def decided_by(decision: Submission, by_person: Mapping[str, Submission]) -> tuple[Box, ...]:
    """An adjudicator's boxes, each with all whose words it decided between."""
    note = f"decided by {decision.annotator} ({decision.version}), {_parents([by_person[who] for who in sorted(by_person)])}"
    return tuple(replace(box, note=note) for box in decision.boxes)


def events_of(boxes: Sequence[Box]) -> list[Event]:
    """Boxes as events, without those that say that nothing is there."""
    return [Event(1000 * box.start.timestamp(), 1000 * box.end.timestamp(), box.tag) for box in boxes if box.state != "rejected"]


def _agree(boxes: Mapping[str, Sequence[Box]], agreed_f1: float) -> bool:
    """Whether every two of them agree."""
    events = [events_of(of) for of in boxes.values()]
    scores = [event_f1(one, other) for n, one in enumerate(events) for other in events[n + 1 :]]
    return all(score is None or score >= agreed_f1 for score in scores)


def _usual(of_tag: Mapping[str, Sequence[Box]], by_person: Mapping[str, Submission]) -> list[Box]:
    """Of one tag, the sounds that more than half of these people marked, each in the middle of their edges."""
    groups = list[list[tuple[str, Box]]]()
    for who, theirs in of_tag.items():
        pairs = {b: a for a, b in match_events(events_of([group[0][1] for group in groups]), events_of(theirs))}
        for place, box in enumerate(theirs):
            if place in pairs:
                groups[pairs[place]].append((who, box))
            else:
                groups.append([(who, box)])
    usual = [group for group in groups if 2 * len(group) > len(of_tag)]
    return [_middle([box for _, box in group], [by_person[who] for who, _ in group]) for group in usual]


def _middle(boxes: Sequence[Box], parents: Sequence[Submission]) -> Box:
    start, end = (float(np.median([to_ms(edge) for edge in edges])) for edges in ([b.start for b in boxes], [b.end for b in boxes]))
    one = replace(boxes[0], start=from_ms(start), end=from_ms(end), note=_parents(parents))
    return replace(one, state="moved") if one.origin == "prediction" and (one.start, one.end) != (boxes[0].start, boxes[0].end) else one


def _rejected_by_all(by_person: Mapping[str, Submission]) -> list[Box]:
    """Predictions that everybody rejected: explicit negatives."""
    places = [{(box.start, box.end, box.tag): box for box in said.boxes if box.state == "rejected"} for said in by_person.values()]
    everywhere = set.intersection(*(set(one) for one in places))
    return [replace(places[0][place], note=_parents([by_person[who] for who in sorted(by_person)])) for place in sorted(everywhere)]


def _parents(submissions: Sequence[Submission]) -> str:
    return "from " + ", ".join(f"{one.annotator} ({one.version})" for one in submissions)
