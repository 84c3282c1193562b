// How strongly a score is coloured: steps of one hue, told apart by lightness alone. Pure.

/** Steps above none, `--step` in board.css. */
export const STEPS = 8;
// Ends of the scale: a few extreme models do not take the colours from all others.
const CUT = 0.02;

/** Return a function from a value to its step, 0 to `STEPS`, linear over what a column holds. */
export function makeScale(values) {
  const known = Float64Array.from(values.filter((value) => value != null)).sort();
  if (known.length < 2) return () => 0;
  const low = known[Math.floor(CUT * (known.length - 1))];
  const high = known[Math.ceil((1 - CUT) * (known.length - 1))];
  if (!(high > low)) return () => 0;
  return (value) =>
    value == null ? 0 : Math.round(STEPS * Math.min(1, Math.max(0, (value - low) / (high - low))));
}
