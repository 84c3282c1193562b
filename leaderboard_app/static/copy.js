// <copy-text>: a text with a button that copies it.

import { make } from "./dom.js";
import { t } from "./language.js";

/** What stands in an example for the address of the board, which only its reader's browser knows. */
const HERE = "https://address-of-this-board/";

class CopyText extends HTMLElement {
  connectedCallback() {
    if (this.querySelector(".copy")) return;
    const text = this.querySelector("pre");
    const code = text.querySelector("code") ?? text;
    code.textContent = code.textContent.replaceAll(HERE, new URL("./", location.href).href);
    const status = make("span", { role: "status" });
    const button = make("button", { type: "button", class: "copy" }, t("Copy"));
    button.addEventListener("click", async () => {
      status.textContent = (await copy(text)) ? t("Copied") : t("Press Ctrl+C to copy");
    });
    this.prepend(make("div", { class: "copying" }, button, " ", status));
  }
}

/** Copy an element's text; where the page may not, select it and say false. */
async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.textContent.trim());
    return true;
  } catch {
    getSelection().selectAllChildren(element);
    return false;
  }
}

customElements.define("copy-text", CopyText);
