// What a licence allows, as far as its name tells. Pure.

// Anybody may use, change and share the model.
const OPEN = /^(apache-|mit|bsd|isc|cc0-|cc-by-(sa-)?\d|cc-by$|cc-by-sa$|unlicense|afl-|artistic-|bsl-|zlib|wtfpl|ecl-|eupl-|mpl-|l?gpl|agpl|odc-|ofl-|openmdw|pddl|postgresql)/;
const UNKNOWN = new Set(["", "other", "unknown", "none"]);

/** Return `open`, `conditions` or `unknown`. */
export function licenceClass(name) {
  const text = String(name ?? "").trim().toLowerCase();
  if (UNKNOWN.has(text)) return "unknown";
  return OPEN.test(text) ? "open" : "conditions";
}
