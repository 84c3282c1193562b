// Scores as people read them. They come as fractions and are shown in percent.

import { formatNumber, t } from "./language.js";

export const NOTHING = "—";
// Parameters, in billions, below which they are counted one by one.
const FEW = 1e-5;
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Write a fraction in percent, without the sign. */
export function percent(fraction, digits = 1) {
  return fraction == null ? NOTHING : formatNumber(100 * fraction, digits);
}

/** Write a share in whole percent, never more than it is. */
export function share(fraction) {
  return fraction == null ? NOTHING : `${formatNumber(Math.floor(100 * fraction))} %`;
}

/** Write an interval: `61.2 – 64.0`. */
export function interval(low, high, digits = 1) {
  return low == null || high == null ? NOTHING : `${percent(low, digits)} – ${percent(high, digits)}`;
}

/** Write a difference of fractions with its sign, in points of percent. */
export function signed(fraction, digits = 1) {
  const sign = fraction < 0 ? "−" : "+";
  return `${sign}${percent(Math.abs(fraction), digits)}`;
}

/** Write a difference that comes in points of percent, with its sign. */
export function points(difference) {
  if (difference == null) return NOTHING;
  return `${difference < 0 ? "−" : "+"}${formatNumber(Math.abs(difference), 1)}`;
}

/** Write a number of things, or a dash. */
export const amount = (number) => (number == null ? NOTHING : formatNumber(number));

/** Write parameters, given in billions. */
export function parameters(billions) {
  if (billions == null) return NOTHING;
  if (billions < FEW) return amount(Math.round(1e9 * billions));
  const [number, key] = billions >= 1 ? [billions, "{n} billion"] : [billions * 1000, "{n} million"];
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.max(number, 0.01))));
  const text = formatNumber(Number(number.toPrecision(3)), Number.isInteger(Number(number.toPrecision(3))) ? 0 : digits);
  return key === "{n} billion" ? t("{n} billion", { n: text }) : t("{n} million", { n: text });
}

/** Write how long something took, given in seconds. */
export function duration(seconds) {
  if (seconds == null) return NOTHING;
  if (seconds < 60) return t("{n} s", { n: formatNumber(seconds, seconds < 10 ? 1 : 0) });
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return t("{n} min", { n: minutes });
  return t("{h} h {m} min", { h: Math.floor(minutes / 60), m: minutes % 60 });
}

/** Write how long something will take, given in seconds: rounded up, in one unit. */
export function timeLeft(seconds) {
  if (seconds < 2 * MINUTE) return t("{n} s", { n: formatNumber(Math.ceil(seconds)) });
  if (seconds < 2 * HOUR) return t("{n} min", { n: formatNumber(Math.ceil(seconds / MINUTE)) });
  if (seconds < 2 * DAY) return t("{n} h", { n: formatNumber(Math.ceil(seconds / HOUR)) });
  return t("{n} days", { n: formatNumber(Math.ceil(seconds / DAY)) });
}
