// <copy-text>: a text with a button that copies it.

import { make } from "./dom.js";
import { t } from "./language.js";

class CopyText extends HTMLElement {
  connectedCallback() {
    if (this.querySelector(".copy")) return;
    const text = this.querySelector("pre");
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
