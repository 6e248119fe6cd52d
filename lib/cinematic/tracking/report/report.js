"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("scripted");
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const reason = document.getElementById("reason");
  const boxes = all(".filter input[type=checkbox]");
  const list = document.getElementById("list");
  const rows = list ? all("tbody tr", list) : [];

  // Verdicts are filtered by the style sheet, reasons here.
  const filter = () => {
    const wanted = reason ? reason.value : "";
    for (const item of all("[data-v]")) {
      const reasons = (item.dataset.r || "").split(" ");
      item.classList.toggle("gone", wanted !== "" && !reasons.includes(wanted));
    }
    const hidden = new Set(boxes.filter((box) => !box.checked).map((box) => box.id.slice(5)));
    const left = rows.filter((row) => !hidden.has(row.dataset.v) && !row.classList.contains("gone")).length;
    const told = document.getElementById("listed");
    if (told) told.textContent = left < rows.length ? `${left} shown` : "";
  };
  if (reason) reason.addEventListener("change", filter);
  for (const box of boxes) box.addEventListener("change", filter);
  filter();

  const setAll = (open) => all("details.card[id]").forEach((card) => { card.open = open; });
  document.getElementById("open-all")?.addEventListener("click", () => setAll(true));
  document.getElementById("close-all")?.addEventListener("click", () => setAll(false));
  window.addEventListener("beforeprint", () => setAll(true));

  // A link to a track opens its card.
  const arrive = () => {
    const card = location.hash.startsWith("#track-") && document.getElementById(location.hash.slice(1));
    if (card) { card.open = true; card.scrollIntoView({ block: "start" }); }
  };
  window.addEventListener("hashchange", arrive);
  arrive();

  for (const button of all("button.enlarge")) {
    button.addEventListener("click", () => {
      const large = button.closest(".plate").classList.toggle("large");
      button.setAttribute("aria-pressed", String(large));
      button.textContent = large ? "reduce" : "enlarge";
    });
  }

  // Click on a column's head to sort by it; again for the other way round.
  const text = (row, column) => row.cells[column].textContent.trim();
  const number = (row, column) => {
    const value = parseFloat(text(row, column).replace(/,/g, "").replace("\u2212", "-"));
    return Number.isNaN(value) ? Infinity : value;
  };
  const collator = new Intl.Collator(undefined, { numeric: true });
  const sorted = (column, numeric, falling) => {
    const keyed = rows.map((row) => [numeric ? number(row, column) : text(row, column), row]);
    keyed.sort(([a], [b]) => (numeric ? (a < b ? -1 : a > b ? 1 : 0) : collator.compare(a, b)));
    const ordered = document.createDocumentFragment();
    for (const [, row] of falling ? keyed.reverse() : keyed) ordered.append(row);
    return ordered;
  };
  all("thead th", list || document.createElement("div")).forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const falling = head.getAttribute("aria-sort") === "ascending";
      all("th", head.parentNode).forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      list.tBodies[0].append(sorted(column, head.classList.contains("n"), falling));
    });
  });
})();
