// The reader's language, and every text in it. Keys are English: see leaderboard_app/language.py.

/** Names of all languages by their keys, as the server writes them into every page. */
export const LANGUAGES = JSON.parse(document.querySelector("#languages").textContent);
const PARAMETER = "lang";

/** The language of this page: of the address, else of the cookie, else of the browser. */
export const language = choose();

const table = language === "en" ? {} : await load();

/** Return a text in the reader's language; `{name}` becomes the value of that name. */
export function t(text, values = {}) {
  return (table[text] ?? text).replace(/\{(\w+)\}/g, (place, name) => String(values[name] ?? place));
}

/** Return a text as it is: it is translated later, by `t` with a variable. */
export const mark = (text) => text;

// Making a format takes longer than drawing a cell: one for each number of digits.
const formats = new Map();

/** Write a number as the reader's language does: `4,183`, `4.183`. */
export function formatNumber(number, digits = 0) {
  if (!formats.has(digits)) {
    const rounding = { minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: "always" };
    formats.set(digits, new Intl.NumberFormat(language, rounding));
  }
  return formats.get(digits).format(number);
}

/** Show the page in another language, and remember it. */
export function switchLanguage(wanted) {
  remember(wanted);
  const address = new URL(location.href);
  address.searchParams.set(PARAMETER, wanted);
  location.replace(address);
}

/** Return an address within the board that keeps the language where the address of this page names it. */
export function keepLanguage(address) {
  if (!new URLSearchParams(location.search).has(PARAMETER)) return address;
  const [page, anchor] = address.split("#");
  const joined = `${page}${page.includes("?") ? "&" : "?"}${PARAMETER}=${language}`;
  return anchor ? `${joined}#${anchor}` : joined;
}

function choose() {
  const asked = new URLSearchParams(location.search).get(PARAMETER);
  const stored = /(?:^|; )lang=([a-z]+)/.exec(document.cookie)?.[1];
  const wanted = [asked, stored, ...navigator.languages].map((tag) => tag?.toLowerCase().split("-")[0]);
  const chosen = wanted.find((tag) => Object.hasOwn(LANGUAGES, tag)) ?? "en";
  if (asked && chosen !== stored) remember(chosen);
  return chosen;
}

function remember(chosen) {
  // In an iframe of another site the cookie may be refused; then the address keeps the language.
  document.cookie = `${PARAMETER}=${chosen}; path=${new URL("..", import.meta.url).pathname}; max-age=31536000; SameSite=Lax`;
}

async function load() {
  const response = await fetch(new URL(`texts.${language}.json`, import.meta.url)).catch(() => null);
  return response?.ok ? response.json() : {};
}

document.documentElement.lang = language;
