// Ask for the board while the rest of its page still loads. Imports nothing, so that it runs first.

export const BOARD_DATA = "data/board.json";

/** The answer, on the board's own page, which the page's head has asked for; null elsewhere. */
export const early = isBoard() ? fetch(BOARD_DATA) : null;
// Who follows the board reports why it failed.
early?.catch(() => {});

function isBoard() {
  return location.href.split(/[?#]/)[0] === new URL(".", location.href).href;
}
