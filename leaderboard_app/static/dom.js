// Make elements. Texts become text nodes, so nothing that a stranger wrote is ever read as HTML.

/** Make an element: attributes by name (null leaves one out), children as nodes or texts. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Make a list of facts: pairs of name and value, a text or a list of nodes. */
export function makeFacts(kind, entries) {
  const parts = entries.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, ...[value].flat())));
  return make("dl", { class: kind }, ...parts);
}

/** Make a link to another site. */
export function makeOutsideLink(address, ...children) {
  return make("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

/** Return a text in parts, with what stands between backticks as code. */
export function withCode(text) {
  return text.split(/`([^`]+)`/).map((part, place) => (place % 2 ? make("code", {}, part) : part));
}

/** Show a UTC time stamp as `2026-11-21 10:00 UTC`; other texts as they are. */
export function formatTime(stamp) {
  const parts = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\dZ$/.exec(stamp ?? "");
  return parts ? `${parts[1]} ${parts[2]} UTC` : (stamp ?? "");
}
