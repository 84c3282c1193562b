// Where a reader was on the board: Back and the navigation of other pages lead there again.

const KEY = `board ${new URL("./", document.baseURI).pathname}`;

/** Remember a view, as the query of its address, and how far it is scrolled, in pixels. */
export function keepPlace(query, top) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ query, top }));
  } catch {
    // In a frame of another site there may be no storage.
  }
}

/** Return how far a view was scrolled, 0 for another view than the last one. */
export function placeOf(query) {
  const last = recall();
  return last.query === query ? last.top : 0;
}

/** Return the address of the board as the reader left it. */
export const lastBoard = () => `./${recall().query}`;

function recall() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? { query: "", top: 0 };
  } catch {
    return { query: "", top: 0 };
  }
}
