// A point in a chart leads to its model. Gradio draws the charts, and draws them anew for each choice.

import { keepLanguage } from "./language.js";

function listen() {
  for (const chart of document.querySelectorAll(".js-plotly-plot:not([data-leads])")) {
    chart.dataset.leads = "";
    chart.on("plotly_click", ({ points: [point] }) => {
      if (point.customdata) location.assign(keepLanguage(`model?${new URLSearchParams({ id: point.customdata })}`));
    });
  }
}

new MutationObserver(listen).observe(document.body, { childList: true, subtree: true });
listen();
