// Light or dark: as the system has it, unless the reader chose. Gradio's `?__theme=` comes before both.

const KEY = "theme";

let chosen = new URLSearchParams(location.search).get("__theme") ?? recall();

/** Say whether the page is dark now. */
export const isDark = () => document.body.classList.contains("dark");

/** Change between light and dark, and remember it. */
export function switchTheme() {
  chosen = isDark() ? "light" : "dark";
  try {
    localStorage.setItem(KEY, chosen);
  } catch {
    // In an iframe of another site there may be no storage; the choice then ends with the page.
  }
  apply();
}

function recall() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function apply() {
  if (chosen !== "light" && chosen !== "dark") return;
  if (isDark() !== (chosen === "dark")) document.body.classList.toggle("dark", chosen === "dark");
}

// Gradio sets the class by the system's setting whenever it mounts or the system changes.
new MutationObserver(apply).observe(document.body, { attributes: true, attributeFilter: ["class"] });
apply();
