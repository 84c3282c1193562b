// <page-header>: the boards, this board's name, the way to its other pages, language, light or dark, the heading.

import { readPart } from "./address.js";
import { lastBoard } from "./board/place.js";
import { make } from "./dom.js";
import { keepLanguage, language, LANGUAGES, switchLanguage, t } from "./language.js";
import { isDark, switchTheme } from "./theme.js";

class PageHeader extends HTMLElement {
  connectedCallback() {
    document.querySelector("#shell:not(:has(tbody))")?.remove();
    const { title, current, lead, navigation } = this.dataset;
    if (readPart("embed")) {
      this.drawEmbedded(title);
      return;
    }
    const pages = JSON.parse(navigation);
    const boards = JSON.parse(this.dataset.boards);
    const isFront = pages[0][0] === current;
    const brand = make("a", { class: "brand", href: keepLanguage("./") }, title);
    this.replaceChildren(
      make("a", { class: "skip", href: "#content", onclick: (event) => skip(event, this) }, t("Skip to the content")),
      boards.length ? make("nav", { class: "boards", "aria-label": t("Boards") }, ...boards.map(drawBoard)) : "",
      make(
        "header",
        { class: "top" },
        isFront ? make("h1", {}, brand) : brand,
        make(
          "div",
          { class: "ways" },
          make("nav", { "aria-label": t("Pages") }, ...pages.map((page) => drawLink(page, current))),
          make("div", { class: "switches" }, drawLanguages(), drawTheme()),
        ),
      ),
    );
    if (lead) this.append(make("div", { class: "lead" }, make("h1", {}, t(current)), make("p", {}, t(lead))));
    this.append(make("span", { id: "content", tabindex: "-1" }));
    this.querySelector(".boards [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (!isFront) document.title = `${t(current)} · ${title}`;
  }

  /** In a page of another site: no ways but from the contents, and they lead out of the frame. */
  drawEmbedded(title) {
    (document.querySelector("base") ?? document.head.appendChild(make("base"))).target = "_blank";
    this.replaceChildren(make("h1", { class: "unseen" }, title));
  }
}

/** Draw the way to another board; `here` says that it is this one. */
function drawBoard([title, address, here]) {
  return make("a", { href: keepLanguage(address), "aria-current": here ? "true" : null, title }, title);
}

function drawLink([name, address], current) {
  const here = name === current ? "page" : null;
  const wanted = address === "./" && !here ? lastBoard() : address;
  return make("a", { href: keepLanguage(wanted), "aria-current": here }, t(name));
}

function drawLanguages() {
  const options = Object.entries(LANGUAGES).map(([key, name]) =>
    make("option", { value: key, lang: key, selected: key === language ? "" : null }, name),
  );
  return make(
    "select",
    { "aria-label": t("Language"), onchange: (event) => switchLanguage(event.target.value) },
    ...options,
  );
}

function drawTheme() {
  const button = make("button", {
    type: "button",
    "aria-label": t("Dark colours"),
    title: t("Light or dark"),
    onclick: () => {
      switchTheme();
      show();
    },
  });
  function show() {
    button.setAttribute("aria-pressed", String(isDark()));
    button.textContent = isDark() ? "☾" : "☀";
  }
  show();
  return button;
}

/** Move the keyboard behind the header. */
function skip(event, header) {
  event.preventDefault();
  const parts = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")];
  const isBehind = (part) => header.compareDocumentPosition(part) & Node.DOCUMENT_POSITION_FOLLOWING;
  parts.find((part) => isBehind(part) && !header.contains(part) && part.checkVisibility())?.focus();
}

customElements.define("page-header", PageHeader);
