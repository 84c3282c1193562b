// <api-list>: every address of the viewer, as openapi.json describes it.

import { ask, sharedAddress } from "./ask.js";
import { make, withCode } from "./dom.js";
import { t } from "./language.js";

class ApiList extends HTMLElement {
  async connectedCallback() {
    try {
      const { paths } = await ask(sharedAddress("openapi.json"));
      const operations = Object.entries(paths).flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })),
      );
      this.replaceChildren(...operations.map(drawOperation));
    } catch (error) {
      this.replaceChildren(make("p", { class: "problem" }, error.message));
    }
  }
}

function drawOperation({ path, method, description, parameters = [] }) {
  const address = make("code", {}, `${method.toUpperCase()} ${path.slice(1)}`);
  const about = (description ?? "").split(/(?<=\.)\s/)[0];
  const details = make("details", { class: "address" }, make("summary", {}, address, " ", make("span", { lang: "en" }, ...withCode(about))));
  const takes = parameters.length ? make("dl", { class: "parameters" }, ...parameters.flatMap(drawParameter)) : make("p", {}, t("It takes no parameters."));
  details.append(make("p", { lang: "en" }, ...withCode(description ?? "")), takes);
  return details;
}

function drawParameter({ name, required, description, schema = {} }) {
  const facts = [required ? t("required") : null, schema.default === undefined || schema.default === "" ? null : JSON.stringify(schema.default)];
  const said = [description, facts.filter(Boolean).join(", ")].filter(Boolean).join(" · ");
  return [make("dt", {}, make("code", {}, name)), make("dd", { lang: "en" }, ...withCode(said))];
}

customElements.define("api-list", ApiList);
