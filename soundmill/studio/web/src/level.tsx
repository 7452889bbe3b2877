// The level meter of a station.

export function Level(props: { peak: number | null; floor: number | null; name: string }) {
  const { peak, floor } = props;
  if (peak === null) return <p class="soft small">no level: it is not running</p>;
  const text = `${(Math.round(peak) + 0).toFixed(0).replace("-0", "0")} dBFS${floor === null ? "" : `, noise floor ${floor.toFixed(0)}`}`;
  return (
    <div class="level">
      <meter min={-90} max={0} high={-3} optimum={-30} value={peak} aria-label={`level of ${props.name}`}>{text}</meter>
      <span class="number small">{text}</span>
    </div>
  );
}
