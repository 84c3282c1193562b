// What the codes of findings and failures say, and what a person can do: see evalboard/explanations.toml.

import { language, t } from "./language.js";

const codes = await load();

/** Return what a finding says in the reader's language, empty where the finding itself is in it. */
export function explainFinding({ code }) {
  const kind = codes.findings[code];
  return kind && language !== "en" ? t(kind.says) : "";
}

/** Return the field of the form that a finding is about, empty for none. */
export const fieldOf = ({ code }) => codes.findings[code]?.field ?? "";

/** Return what a failure says, and what a person can do about it; null for an unknown code. */
export function explainFailure(code) {
  const kind = codes.failures[code] ?? codes.failures.error;
  return code && kind ? { who: kind.who, says: t(kind.says), advice: t(kind.advice) } : null;
}

async function load() {
  const response = await fetch(new URL("codes.json", import.meta.url)).catch(() => null);
  return response?.ok ? response.json() : { findings: {}, failures: {} };
}
