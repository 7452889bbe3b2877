"""Whether the two recordings of a call belong together: their lengths, and who speaks while the other does."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from soundmill.audio import Turn, overlap_seconds, speech_seconds
from soundmill.catalog import Item, by_speaker
from soundmill.lake import column, day_table

AGENT, CUSTOMER = "agent", "customer"
PAIRS = day_table(
    "download_pairs",
    pa.schema(
        [
            column("conversation", pa.string(), "the call"),
            column("agent_seconds", pa.float64(), "length of the agent's file"),
            column("customer_seconds", pa.float64(), "length of the customer's file"),
            column("difference", pa.float64(), "how much longer one is than the other, in seconds"),
            column("agent_speech", pa.float64(), "share of the agent's file in which the agent speaks"),
            column("customer_speech", pa.float64(), "share of the customer's file in which the customer speaks"),
            column("both_speech", pa.float64(), "share of the longer file in which both speak"),
            column("agrees", pa.bool_(), "whether the two can be one call"),
            column("problem", pa.string(), "what speaks against it; empty where nothing does"),
        ]
    ),
    key=("conversation",),
)
_LARGEST_DIFFERENCE = 1.0  # seconds
_LARGEST_OVERLAP = 0.8  # share of the speech of the one who says less


@dataclass(frozen=True)
class Pair:
    """The two sides of a call, as the table has them."""

    conversation: str
    agent_seconds: float
    customer_seconds: float
    agent_speech: float
    customer_speech: float
    both_speech: float
    problem: str

    def row(self) -> dict[str, object]:
        """As a row of `PAIRS`."""
        difference = abs(self.agent_seconds - self.customer_seconds)
        return {**self.__dict__, "difference": round(difference, 4), "agrees": not self.problem}


def pairs_of(items: Iterable[Item], turns: Mapping[str, Sequence[Turn]]) -> list[Pair]:
    """The calls of which both sides are there, by conversation; `turns` of speech by the items' keys."""
    return [_pair(conversation, sides[AGENT], sides[CUSTOMER], turns) for conversation, sides in sorted(complete(items).items())]


def complete(items: Iterable[Item]) -> Mapping[str, dict[str, Item]]:
    """Conversations of which agent and customer both have a file, with the items by speaker."""
    usable = by_speaker(item for item in items if item.path)
    return {conversation: sides for conversation, sides in usable.items() if AGENT in sides and CUSTOMER in sides}


def _pair(conversation: str, agent: Item, customer: Item, turns: Mapping[str, Sequence[Turn]]) -> Pair:
    own, others = turns.get(agent.key, ()), turns.get(customer.key, ())
    both = overlap_seconds(own, others)
    return Pair(
        conversation,
        agent.seconds,
        customer.seconds,
        round(speech_seconds(own) / agent.seconds, 4),
        round(speech_seconds(others) / customer.seconds, 4),
        round(both / max(agent.seconds, customer.seconds), 4),
        _problem(agent, customer, both, min(speech_seconds(own), speech_seconds(others))),
    )


def _problem(agent: Item, customer: Item, both: float, least: float) -> str:
    difference = abs(agent.seconds - customer.seconds)
    if agent.content_hash == customer.content_hash:
        return "both sides are the same audio"
    if difference > _LARGEST_DIFFERENCE:
        return f"one side is {difference:.1f} s longer"
    if least and both / least > _LARGEST_OVERLAP:
        return f"they speak at the same time for {both / least:.0%} of what the quieter one says: is it one recording twice?"
    return ""
