// <type-mark type="…">: the mark of a type of model, in a text of the server.

import { typeMark } from "./icons.js";

class TypeMark extends HTMLElement {
  connectedCallback() {
    this.replaceChildren(typeMark(this.getAttribute("type")));
  }
}

customElements.define("type-mark", TypeMark);
