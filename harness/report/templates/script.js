"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, from = document) => Array.from(from.querySelectorAll(selector));

  const theme = document.getElementById("theme");
  theme.addEventListener("click", () => {
    const order = ["auto", "light", "dark"];
    const next = order[(order.indexOf(root.dataset.theme) + 1) % order.length];
    root.dataset.theme = next;
    theme.textContent = "theme: " + next;
  });

  const open = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.tagName === "DETAILS") { target.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", open);
  open();

  addEventListener("beforeprint", () => all("details.s-red, details.s-undecided").forEach((one) => { one.open = true; }));

  const form = document.getElementById("filters");
  if (!form) return;
  const rows = all("#cases tbody tr");
  const chips = all("#matrix a[data-i]");
  const lines = all("#matrix tbody tr").map((line) => [line, all("a[data-i]", line)]);
  const texts = rows.map((row) => (row.textContent + " " + row.querySelector("a").title).toLowerCase());
  const byPlace = new Map(rows.map((row, at) => [row.dataset.i, at]));
  const count = form.querySelector("output");
  const apply = () => {
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = ["state", "check", "model", "chip"].map((name) => [name, form.elements[name].value]).filter((one) => one[1]);
    const kind = form.elements.kind.value;
    const seen = rows.map((row, at) =>
      wanted.every(([name, value]) => row.dataset[name] === value) &&
      (!kind || (kind === "real" ? !row.dataset.kind : row.dataset.kind.includes(kind))) &&
      words.every((word) => texts[at].includes(word)));
    rows.forEach((row, at) => { if (row.hidden === seen[at]) row.hidden = !seen[at]; });
    chips.forEach((chip) => { chip.hidden = !seen[byPlace.get(chip.dataset.i)]; });
    lines.forEach(([line, own]) => { line.hidden = own.every((chip) => chip.hidden); });
    count.textContent = seen.filter(Boolean).length + " of " + rows.length + " cases";
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  apply();

  const order = new Intl.Collator("en", { numeric: true });
  const sort = (header) => {
    const table = header.closest("table");
    const body = table.tBodies[0];
    const column = header.cellIndex;
    const down = header.getAttribute("aria-sort") === "ascending";
    const value = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent.trim();
    const keyed = Array.from(body.rows, (row) => [value(row), row]);
    keyed.sort((a, b) => (down ? -1 : 1) * order.compare(a[0], b[0]));
    all("th[aria-sort]", table).forEach((other) => other.setAttribute("aria-sort", "none"));
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...keyed.map((one) => one[1]));
  };
  all("th button").forEach((button) => button.addEventListener("click", () => sort(button.closest("th"))));
})();
