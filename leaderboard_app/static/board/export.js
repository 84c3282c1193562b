// A view as CSV and JSON. Pure but for `save`.

// What a spreadsheet would take for a formula, also behind spaces it ignores.
const FORMULA = /^[\s]*[=+\-@\t\r]/;

/** Return rows as CSV: a head of column names, fractions as they are, texts that run nothing. */
export function toCsv(names, records) {
  const lines = [names, ...records.map((record) => names.map((name) => record[name]))];
  // With the byte order mark spreadsheets read it as UTF-8.
  return `\ufeff${lines.map((cells) => cells.map(toCell).join(",")).join("\r\n")}\r\n`;
}

/** Return rows as CSV with tabs, as spreadsheets paste it. */
export function toTsv(names, records) {
  const plain = (value) => toText(value).replaceAll(/[\t\r\n]+/g, " ");
  const lines = [names, ...records.map((record) => names.map((name) => record[name]))];
  return `${lines.map((cells) => cells.map(plain).join("\t")).join("\n")}\n`;
}

/** Return a Markdown table: `heads` have a `title` and say whether they are of a `number`, rows are texts. */
export function toMarkdown(heads, rows) {
  const plain = (text) => text.replaceAll(/[\r\n]+/g, " ").replaceAll(/[\\|<>`*_[\]]/g, "\\$&");
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const rule = heads.map(({ number }) => (number ? "---:" : "---"));
  return `${[heads.map(({ title }) => plain(title)), rule, ...rows.map((cells) => cells.map(plain))].map(line).join("\n")}\n`;
}

/** Return rows as JSON, with what they were taken from. */
export function toJson(meta, address, records) {
  const { suite, title, built_at, content_hash } = meta;
  return JSON.stringify({ suite, title, built_at, content_hash, view: address, rows: records }, null, 1);
}

/** Let the reader keep a text as a file. */
export function save(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

function toCell(value) {
  const text = toText(value);
  return typeof value !== "number" && /[",\r\n']/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Return a value as a text that a spreadsheet does not take for a formula. */
function toText(value) {
  if (value == null) return "";
  if (typeof value !== "string") return Array.isArray(value) ? toText(value.join(" ")) : String(value);
  return FORMULA.test(value) ? `'${value}` : value;
}
