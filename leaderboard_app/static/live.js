// Keep a page current: ask for a document again and again, and hear of it only when it is new.

import { request } from "./ask.js";

const SECONDS_BETWEEN_LOOKS = 4;

/**
 * Call `show(document)` now and whenever the document at `address` is another one.
 *
 * The browser asks with the ETag that it has, so an unchanged document costs an empty answer. A
 * page in the background does not ask. `report(message)` gets why a look failed, and null when one
 * succeeds again. Returns a function that ends it.
 */
export function follow(address, show, report) {
  let etag = null;
  let timer = null;
  let ended = false;

  async function askForNews() {
    const response = await request(address);
    if (response.headers.get("ETag") === etag) return null;
    const news = await response.json();
    etag = response.headers.get("ETag");
    return news;
  }

  async function look() {
    clearTimeout(timer);
    let news = null;
    try {
      news = await askForNews();
      report(null);
    } catch (error) {
      report(error.message);
    }
    if (ended) return;
    if (!document.hidden) timer = setTimeout(look, SECONDS_BETWEEN_LOOKS * 1000);
    if (news) show(news);
  }

  function lookWhenSeen() {
    if (!document.hidden) look();
  }

  document.addEventListener("visibilitychange", lookWhenSeen);
  look();
  return () => {
    ended = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", lookWhenSeen);
  };
}
