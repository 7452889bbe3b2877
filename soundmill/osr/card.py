"""A model's card: what it was made from, by what, and how it decides; as JSON for programs, as Markdown for people."""

import math
from collections.abc import Mapping
from importlib.metadata import version as installed
from typing import TYPE_CHECKING, Any

from soundmill.osr.spec import ModelSpec
from soundmill.wording import table

if TYPE_CHECKING:
    from soundmill.osr.recogniser import Recogniser

_PACKAGES = ("soundmill", "scikit-learn", "numpy", "scipy", "skops")


def model_card(name: str, version: int, fingerprint: str, spec: ModelSpec, model: "Recogniser", data: Mapping[str, Any]) -> dict[str, Any]:
    """The card of a fitted model, as plain values; `data` says what it was fitted to."""
    return {
        "name": name,
        "version": version,
        "fingerprint": fingerprint,
        "spec": spec.model_dump(mode="json"),
        "tags": list(model.tags_),
        "thresholds": {tag: round(value, 6) for tag, value in model.thresholds_.items()},
        "expected_recall": {tag: None if math.isnan(value) else round(value, 4) for tag, value in model.expected_recall_.items()},
        "cross_validation": {name: round(value, 4) for name, value in model.cross_validation_.items()},
        "chosen": [{"setting": setting, "value": value, "because": reason} for setting, value, reason in model.choices_],
        "data": dict(data),
        "versions": {package: installed(package) for package in _PACKAGES},
    }


def card_markdown(card: Mapping[str, Any]) -> str:
    """The card as a page of Markdown."""
    data = card["data"]
    lines = [
        f"# {card['name']}, version {card['version']}",
        "",
        f"Open-set recogniser ({card['spec']['recogniser']}) on `{card['spec']['extractor']}` vectors. It names "
        f"{', '.join(card['tags'])}, and calls everything else “other”.",
        "",
        f"Fitted to {data['sounds']} training sounds from {', '.join(data['train_days'])} "
        f"and {data['background_segments']} segments of background. Cross-validation kept {data['groups_are']} whole: {data['groups']}.",
        "",
        table(["tag", "annotated sounds", "threshold", "expected recall"], [_row(card, tag) for tag in card["tags"]]),
    ]
    if learned := learned_from(data):
        lines += ["", *learned]
    if card["chosen"]:
        lines += ["", "## Chosen by the data", ""]
        lines += [f"- {one['setting']}: {one['value']}, because {one['because']}" for one in card["chosen"]]
    lines += ["", "## Made with", "", *(f"- {package} {number}" for package, number in card["versions"].items())]
    lines += [f"- fingerprint of specification, data and code: `{card['fingerprint']}`"]
    if "sha256" in card:
        lines += [f"- SHA-256 of the model file: `{card['sha256']}`"]
    return "\n".join([*lines, ""])


def learned_from(data: Mapping[str, Any]) -> list[str]:
    """What labelling rounds brought to a fit, and what it learned from beside the version before, in sentences."""
    lines = [
        f"Labels of the round {name}: {', '.join(f'{number} {tag}' for tag, number in of.items())}."
        for name, of in data.get("from_rounds", {}).items()
    ]
    if earlier := data.get("earlier"):
        changes = {tag: number - earlier["support"].get(tag, 0) for tag, number in data["support"].items()}
        said = ", ".join(f"{change:+d} {tag}" for tag, change in changes.items() if change)
        lines.append(f"Sounds since version {earlier['version']}: {said or 'as many of each tag'}.")
    return lines


def _row(card: Mapping[str, Any], tag: str) -> list[str]:
    expected = card["expected_recall"][tag]
    return [tag, str(card["data"]["support"].get(tag, 0)), f"{card['thresholds'][tag]:.3f}", "–" if expected is None else f"{expected:.2f}"]
