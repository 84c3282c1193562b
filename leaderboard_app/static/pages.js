// Load the scripts of pages that few readers open, only there.

const OWN = ["about", "model", "compare", "analysis", "programs"];

const page = location.pathname.replace(/\/$/, "").split("/").pop();
if (OWN.includes(page)) import(`./${page}.js`);
