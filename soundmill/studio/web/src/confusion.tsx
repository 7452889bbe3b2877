// A confusion matrix as a table: predicted names in rows, true ones in columns; a cell lists its sounds.

import { signal } from "@preact/signals";
import { Play, Where } from "./sounds.tsx";
import type { Sound } from "./training.ts";

const FIRST = 12;

interface Cell {
  readonly row: string;
  readonly column: string;
}

/** Which words a background sound has in a column. */
const titled = (name: string): string => (name === "other" ? "background" : name);

export function Confusion(props: { rows: readonly string[]; columns: readonly string[]; counts: readonly (readonly number[])[]; caption: string; picked?: Cell | null; pick?: (cell: Cell | null) => void; asShares?: boolean }) {
  const { rows, columns, counts, picked, pick } = props;
  const sums = columns.map((_, at) => counts.reduce((sum, row) => sum + row[at]!, 0));
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={`What sounds were called: ${props.caption}`}>
      <table class="heat confusion" data-testid="confusion">
        <caption>{props.caption}</caption>
        <thead>
          <tr><th scope="col">predicted ↓ is →</th>{columns.map((name) => <th key={name} scope="col"><span>{titled(name)}</span></th>)}</tr>
        </thead>
        <tbody>
          {rows.map((row, down) => (
            <tr key={row}>
              <th scope="row">{row}</th>
              {columns.map((column, at) => {
                const count = counts[down]![at]!;
                const share = sums[at] ? count / sums[at]! : 0;
                const level = count ? Math.max(1, Math.ceil(5 * share)) : 0;
                const isRight = row === (rows.includes(column) ? column : "other");
                const isPicked = picked?.row === row && picked.column === column;
                const words = `${count} of ${titled(column)} called ${row}, ${(100 * share).toFixed(0)} %`;
                const shown = props.asShares ? `${(100 * share).toFixed(0)} %` : count;
                return (
                  <td key={column} class={`heat-${level} ${isRight ? "right" : ""}`}>
                    {count > 0 && (pick ? <button aria-pressed={isPicked} aria-label={words} title={words} data-testid="cell" data-row={row} data-column={column} onClick={() => pick(isPicked ? null : { row, column })}>{shown}</button> : <span title={words}>{shown}</span>)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const all = signal(false);

/** The sounds of a cell, to hear. */
export function CellSounds({ cell, sounds, count, kept }: { cell: Cell; sounds: readonly Sound[]; count: number; kept: boolean }) {
  const mine = sounds.filter((one) => one.predicted === cell.row && one.true === cell.column);
  const shown = all.value ? mine : mine.slice(0, FIRST);
  return (
    <div data-testid="cell-sounds">
      <h3>{count} {titled(cell.column)}, called {cell.row}</h3>
      {!kept && <p class="soft">This version was evaluated before its sounds were kept: materialise evaluation_report for it again.</p>}
      <ol class="sounds">
        {shown.map((one) => (
          <li key={one.key} data-testid="sound">
            <Play place={one} of={`${titled(one.true)} called ${one.predicted}`} /> <Where place={one} />
            <span class="soft small"> {one.probability === null ? `margin ${one.margin.toFixed(2)}` : `${(100 * one.probability).toFixed(0)} % sure`}</span>
          </li>
        ))}
      </ol>
      {mine.length > shown.length && <button onClick={() => (all.value = true)}>Show {mine.length - shown.length} more</button>}
      {kept && all.value && mine.length < count && <p class="soft small">The {mine.length} surest of {count}.</p>}
    </div>
  );
}
