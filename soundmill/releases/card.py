"""A release's card: what is in it, how it came to be, how far people agreed, and who may use it, in Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from soundmill.releases.manifest import Difference, is_of_take
from soundmill.wording import count, table

TOGETHER = {
    "recording": "No recording, and no day of a microphone, is in two splits",
    "day": "No recording, and no day, is in two splits",
    "source": "No recording, and no source, is in two splits",
}
_SHOWN = 10  # of ids in a list


def card_text(facts: Mapping[str, Any], change: Difference | None = None) -> str:
    """The card of a release, from its manifest's facts and what changed since the release before."""
    prompts = facts.get("prompts", {})
    labelled = (
        f", {sum(facts['labels'].values())} labels of {', '.join(facts['tags'])}. In each clip of a round people looked for all of its "
        "`tags`: what is not labelled is not there."
    )
    parts = [
        f"# {facts['name']}",
        facts["description"],
        f"{count(facts['clips'], 'clip')}, {hours(facts['hours'])}" + (labelled if facts["rounds"] else "."),
        f"**Licence**: {facts['licence']}",
        f"**Who may use it**: {facts['use'] or 'not stated'}",
        "## What is in it",
        table(["split", "clips", "length", *facts["tags"]], split_rows(facts)),
        table(["source", "clips", "length", *facts["tags"]], [_row(name, of, facts["tags"]) for name, of in facts["by_source"].items()]),
        "## How it was split",
        f"{TOGETHER[facts['together']]}{'; nor is a speaker' if prompts else ''}; nor is sound that is nearly the same (by acoustic "
        f"fingerprints, where it is 13 s long, or "
        f"labelled and 1.3 s long). "
        f"Groups went where their tags were lacking; seed {facts['seed']}."
        + (f" What was in a split of {facts['after']} stayed in it." if facts["after"] else ""),
        *([_copies_text(facts["copies"], facts["copies_found"])] if facts["copies_found"] else []),
        *(["## How it was read", *(_prompts_text(name, of, facts["purpose"]) for name, of in prompts.items())] if prompts else []),
        *(["## How it was labelled"] if facts["rounds"] else []),
        *(_round_text(name, of) for name, of in facts["rounds"].items()),
        *([f"Left out because their sound is gone: {facts['silent_sessions']} settled."] if facts["silent_sessions"] else []),
        *([f"Left out because their sound was withdrawn: {facts['withdrawn_sessions']} settled."] if facts["withdrawn_sessions"] else []),
        *(["## What changed", change_text(facts["after"], change)] if change else []),
        "## Its files",
        "`manifest.json` has the hash of `clips.jsonl` (the sha256 of the sha256 of each of its lines) and of this card; its own sha256 is "
        "the release's. `clips.jsonl` has a clip a line, with labels or what was read, split, and the sha256 of its WAV; of a withdrawn "
        "take nothing but the hash of its line is left. `withdrawn.txt`, where it lies beside them, has the hashes of WAVs that were "
        "withdrawn since: delete them wherever they are.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def split_rows(facts: Mapping[str, Any]) -> list[list[str]]:
    """For each split, and in all: clips, hours, and labels of each tag."""
    rows = [_row(split, of, facts["tags"]) for split, of in facts["by_split"].items()]
    return [*rows, _row("in all", facts, facts["tags"])]


def change_text(before: str, change: Difference) -> str:
    """What changed since the release before, in sentences."""
    if change.is_empty:
        return f"Nothing since {before}."
    lines = [f"Since {before}: {hours(change.seconds[0] / 3600)} became {hours(change.seconds[1] / 3600)}."]
    for what, ids in (
        ("added", change.added),
        ("removed", change.removed),
        ("labelled otherwise", change.relabelled),
        ("cut otherwise", change.recut),
        ("withdrawn since", change.withdrawn),
    ):
        if ids:
            lines.append(f"- {count(len(ids), 'clip')} {what}{_some(ids)}")
    lines += [f"- {tag}: {more} labels more and {fewer} fewer in clips that both have" for tag, (more, fewer) in change.labels.items()]
    lines += [f"- {count(number, 'clip')} from {first} to {second}" for (first, second), number in change.moved.items()]
    if change.leaked:
        lines.append(
            f"- **{count(len(change.leaked), 'clip')} in another split than before**: do not test on them what learned from {before}"
        )
    return "\n".join(lines)


def hours(value: float) -> str:
    """Hours as people read them: minutes where there are few."""
    return f"{value:.1f} h" if value >= 1 else f"{60 * value:.1f} min"


def _prompts_text(name: str, of: Mapping[str, Any], purpose: str) -> str:
    left = ", ".join(f"{number} {why}" for why, number in of["left_out"].items())
    return (
        f"### Prompt set {name}\n\n{count(of['takes'], 'take')} of {count(of['sentences'], 'sentence')} in {of['language']}, read by "
        f"{count(of['speakers'], 'speaker')}, none of whom is in two splits. Every speaker consented to their use to {purpose}"
        f"{f' (of {vouched} takes the operator of the recorder vouches for it)' if (vouched := of.get('vouched')) else ''}. "
        f"Licences: {', '.join(f'{one} ({number})' for one, number in of['licences'].items()) or '-'}. "
        f"Verdicts: {', '.join(f'{one} ({number})' for one, number in of['verdicts'].items()) or '-'}. Left out: {left or 'none'}."
    )


def _round_text(name: str, of: Mapping[str, Any]) -> str:
    spec = of["spec"]
    drawn = ", ".join(f"{number} {rule}" for rule, number in of["drawn"].items())
    text = (
        f"### Round {name}\n\n{of['settled']} of {sum(of['drawn'].values())} sessions are settled; disputed and left out: "
        f"{of['disputed']}. An adjudicator decided {of['decided']}, and {of['by_fewer']} were labelled by fewer people than they wanted. "
        f"{of['submissions']} submissions, the last at {of['labelled_until'] or '-'}. "
        f"Drawn ({drawn}) with seed {spec['seed']}"
        f"{', with predictions of ' + of['model'] + ' shown' if of['model'] else ', without predictions'}. "
        f"{spec['annotators']} people labelled those that several label, and agree where event F1 is {spec['agreed_f1']} or more."
    )
    rows = [
        [tag, str(one["sessions"]), *(_interval(one[measure]) for measure in ("alpha", "f1", "kappa"))]
        for tag, one in of["agreement"].items()
        if one["sessions"]
    ]
    parts = [text, f"Guideline: {spec['guideline']}" if spec["guideline"] else ""]
    parts.append(
        table(["tag", "sessions that several labelled", "alpha", "event F1", "kappa"], rows)
        if rows
        else "No session was labelled by several people."
    )
    return "\n\n".join(part for part in parts if part)


def _row(name: str, of: Mapping[str, Any], tags: Sequence[str]) -> list[str]:
    return [name, str(of["clips"]), hours(of["hours"]), *(str(of["labels"].get(tag, 0)) for tag in tags)]


def _copies_text(pairs: Sequence[Sequence[str]], found: int) -> str:
    shown = "".join(f"\n- {first} and {second}" for first, second in pairs[:_SHOWN])
    such = "" if not shown else ", such as" if found > min(_SHOWN, len(pairs)) else ":"
    return f"Kept together because they share sound: {found} pairs of clips{such}{shown}"


def _interval(one: Mapping[str, float | None]) -> str:
    return "-" if one["value"] is None else f"{one['value']:.2f} [{one['low']:.2f}, {one['high']:.2f}]"


def _some(ids: Sequence[str]) -> str:
    shown = [one for one in ids if not is_of_take(one)][:_SHOWN]
    if not shown:
        return ""
    more = len(ids) - len(shown)
    return f": {', '.join(shown)}" + (f", and {more} more" if more > 0 else "")
