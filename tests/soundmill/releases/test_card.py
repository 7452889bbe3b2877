"""Cards of releases: for people who ask what is in it, and whether they may use it."""

from soundmill.releases.card import card_text, change_text, hours
from soundmill.releases.manifest import difference
from tests.soundmill.releases.test_manifest import CLIPS, FOX, clip

INTERVAL = {"value": 0.8123, "low": 0.7, "high": 0.9}
NONE = {"value": None, "low": None, "high": None}
FACTS = {
    "name": "owls-1.0",
    "description": "Owls of two gardens.",
    "licence": "CC-BY-4.0",
    "use": "",
    "clips": 3,
    "hours": 0.05,
    "labels": {"owl": 2, "fox": 1},
    "tags": ["fox", "owl"],
    "by_split": {"train": {"clips": 3, "hours": 0.05, "labels": {"owl": 2, "fox": 1}}, "test": {"clips": 0, "hours": 0.0, "labels": {}}},
    "by_source": {"a|b": {"clips": 3, "hours": 0.05, "labels": {"owl": 2}}},
    "together": "recording",
    "seed": 3,
    "after": "owls-0.9",
    "withdrawn_sessions": 2,
    "silent_sessions": 1,
    "copies_found": 1,
    "copies": [["a/1", "a/2"]],
    "rounds": {
        "owls": {
            "spec": {"seed": 0, "annotators": 2, "agreed_f1": 0.7, "guideline": "An owl hoots."},
            "model": "house/3",
            "drawn": {"audit": 1, "margin": 4},
            "settled": 3,
            "disputed": 1,
            "decided": 2,
            "by_fewer": 0,
            "submissions": 8,
            "labelled_until": "2026-01-05T12:00:00+00:00",
            "agreement": {
                "owl": {"sessions": 4, "alpha": INTERVAL, "f1": INTERVAL, "kappa": NONE},
                "fox": {"sessions": 0, "alpha": NONE, "f1": NONE, "kappa": NONE},
            },
        }
    },
}


def test_a_card_says_what_is_in_it_how_far_people_agreed_and_who_may_use_it() -> None:
    text = card_text(FACTS, difference(CLIPS, [*CLIPS, clip(5, FOX)]))
    assert text.startswith("# owls-1.0\n\nOwls of two gardens.\n\n3 clips, 3.0 min, 3 labels of fox, owl.")
    assert "**Licence**: CC-BY-4.0" in text
    assert "**Who may use it**: not stated" in text
    assert "| train | 3 | 3.0 min | 1 | 2 |" in text
    assert "| in all | 3 | 3.0 min | 1 | 2 |" in text
    assert "| a\\|b | 3 |" in text
    assert "3 of 5 sessions are settled; disputed and left out: 1." in text
    assert "Drawn (1 audit, 4 margin) with seed 0, with predictions of house/3 shown." in text
    assert "| owl | 4 | 0.81 [0.70, 0.90] | 0.81 [0.70, 0.90] | - |" in text
    assert "| fox | 0" not in text
    assert "Left out because their sound was withdrawn: 2 settled." in text
    assert "What was in a split of owls-0.9 stayed in it." in text
    assert "- 1 clip added" in text
    assert "An adjudicator decided 2, and 0 were labelled by fewer people" in text
    assert "share sound: 1 pairs of clips:\n- a/1 and a/2" in text


def test_without_a_release_before_nothing_is_said_of_changes() -> None:
    assert "## What changed" not in card_text({**FACTS, "after": ""})
    assert change_text("owls-0.9", difference(CLIPS, CLIPS)) == "Nothing since owls-0.9."


def test_few_hours_are_told_in_minutes() -> None:
    assert (hours(0.05), hours(12.345)) == ("3.0 min", "12.3 h")
