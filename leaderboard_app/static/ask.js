// Ask the server once.

import { t } from "./language.js";

/** Return the address of something that all boards share, relative to that of the first board. */
export const sharedAddress = (path) => new URL(`../${path}`, import.meta.url).href;

/** Why there is no document: `status` is the server's, 0 without an answer. */
class NoDocument extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** Return the answer at an address; throws `NoDocument`, with the server's own words where it has some. */
export async function request(address, signal) {
  const answer = await fetch(address, { cache: "no-cache", signal }).catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new NoDocument(t("The server does not answer."), 0);
  });
  if (answer.ok) return answer;
  const { error } = await answer.json().catch(() => ({}));
  throw new NoDocument(error ?? t("The server answers with status {status}.", { status: answer.status }), answer.status);
}

/** Return the document at an address; throws as `request`. */
export const ask = async (address, signal) => (await request(address, signal)).json();
