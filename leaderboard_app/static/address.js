// What a page shows stands in its address, so that a link shows the same to somebody else.

/** Return one part of the address, or what stands for it when it is not there. */
export function readPart(name, absent = "") {
  return new URLSearchParams(location.search).get(name) ?? absent;
}

/** Return every value of a part. */
export function readParts(name) {
  return new URLSearchParams(location.search).getAll(name);
}

/** Change parts of the address: a text, a list of texts, or null to leave one out. The page stays. */
export function writeParts(changes) {
  const address = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) {
    address.searchParams.delete(name);
    for (const one of [value].flat()) if (one) address.searchParams.append(name, one);
  }
  history.replaceState(history.state, "", address);
}
