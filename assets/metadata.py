"""What assets say about themselves in the UI, put the same way everywhere: schema, previews, pictures, times."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from soundmill.wording import table

if TYPE_CHECKING:
    import pyarrow as pa

    from soundmill.lake import DayTable


_PREVIEW_ROWS = 8


def status(changed: bool, rows: int) -> str:
    """One word or two for the first thing an engineer wants to know."""
    if not rows:
        return "no data"
    return "updated" if changed else "unchanged"


def table_facts(table: "DayTable", rows: int, address: str) -> dict[str, Any]:
    """Row count, columns and place of a day's table."""
    columns = [dg.TableColumn(field.name, str(field.type), description=field.metadata[b"description"].decode()) for field in table.schema]
    return {
        "dagster/row_count": rows,
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "path": dg.MetadataValue.path(address),
    }


def preview(rows: "pa.Table", columns: Sequence[str], address: Callable[[dict[str, Any]], str] | None = None) -> dg.MarkdownMetadataValue:
    """The first rows as a Markdown table; with an address of a row, each leads to where it is shown."""
    shown = rows.slice(0, _PREVIEW_ROWS).to_pylist()
    lines = [" | ".join([*columns, *([""] if address else [])]), " | ".join("---" for _ in range(len(columns) + bool(address)))]
    ends = [[f"[hear and label]({address(row)})"] if address else [] for row in shown]
    lines += [" | ".join([*(_cell(row[column]) for column in columns), *end]) for row, end in zip(shown, ends, strict=True)]
    if rows.num_rows > len(shown):
        lines.append(f"… {rows.num_rows - len(shown)} more" + " |" * (len(columns) - 1))
    return dg.MetadataValue.md("\n".join(f"| {line} |" for line in lines))


def links(addresses: Mapping[str, str]) -> dg.MarkdownMetadataValue:
    """Links by what they say."""
    return dg.MetadataValue.md("\n".join(f"- [{said}]({address})" for said, address in addresses.items()))


def counts_table(counts: Mapping[str, Any], heading: str) -> dg.MarkdownMetadataValue:
    """Names and numbers as a Markdown table."""
    lines = [f"| {heading} | |", "| --- | --- |", *(f"| {name} | {_cell(value)} |" for name, value in counts.items())]
    return dg.MetadataValue.md("\n".join(lines))


def figures_table(names: Sequence[str], rows: Sequence[Sequence[object]]) -> dg.MarkdownMetadataValue:
    """Rows of names and numbers as a Markdown table; numbers to two places, nothing where there is none."""
    shown = (["" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value) for value in row] for row in rows)
    return dg.MetadataValue.md(table(names, shown))


def picture(png: bytes, alt: str) -> dg.MarkdownMetadataValue:
    """A small picture that shows in the UI."""
    from soundmill.plots import markdown_image

    return dg.MetadataValue.md(markdown_image(png, alt))


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    if hasattr(value, "isoformat"):
        return str(value.isoformat(sep=" ", timespec="milliseconds")).removesuffix("+00:00")
    return str(value).replace("|", "\\|")
