// Ask the server for a document once.

import { t } from "./language.js";

/** Return the address of something that all boards share, relative to that of the first board. */
export const sharedAddress = (path) => new URL(`../${path}`, import.meta.url).href;

/** Why there is no document: `status` is the server's, 0 without an answer. */
export class NoDocument extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** Return the document at an address; throws `NoDocument`. */
export async function ask(address, signal) {
  let response;
  try {
    response = await fetch(address, { cache: "no-cache", signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new NoDocument(t("The server does not answer."), 0);
  }
  if (response.ok) return response.json();
  throw new NoDocument(t("The server answers with status {status}.", { status: response.status }), response.status);
}
