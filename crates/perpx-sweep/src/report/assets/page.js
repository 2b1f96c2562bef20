"use strict";
const page = JSON.parse(document.getElementById("page-data").textContent);

// Theme: the system's until the reader chooses.
(function () {
  const root = document.documentElement, button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const show = () => { button.textContent = isDark() ? "Light" : "Dark"; button.setAttribute("aria-label", "Switch to the " + button.textContent.toLowerCase() + " theme"); };
  try { const kept = localStorage.getItem("perpx-theme"); if (kept === "dark" || kept === "light") root.dataset.theme = kept; } catch (e) { /* a page from disk may have no storage */ }
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("perpx-theme", root.dataset.theme); } catch (e) { /* not kept */ }
    show();
  });
  system.addEventListener("change", show);
  // paper is light
  let before;
  addEventListener("beforeprint", () => { before = root.dataset.theme; root.dataset.theme = "light"; });
  addEventListener("afterprint", () => { if (before) root.dataset.theme = before; else delete root.dataset.theme; });
  show();
})();

// Glossary: what a term means, where it is pointed at or focused; Escape closes it.
(function () {
  const tip = document.getElementById("tip");
  const hide = () => { tip.hidden = true; };
  const show = event => {
    const term = event.target.closest && event.target.closest(".term");
    if (!term) return hide();
    tip.textContent = document.getElementById(term.getAttribute("aria-describedby")).textContent;
    tip.hidden = false;
    const box = term.getBoundingClientRect(), room = document.documentElement.clientWidth;
    tip.style.left = Math.max(8, Math.min(box.left, room - tip.offsetWidth - 8)) + scrollX + "px";
    const above = box.bottom + tip.offsetHeight + 8 > innerHeight;
    tip.style.top = (above ? box.top - tip.offsetHeight - 6 : box.bottom + 6) + scrollY + "px";
  };
  for (const type of ["pointerover", "focusin"]) document.addEventListener(type, show);
  document.addEventListener("focusout", hide);
  document.addEventListener("keydown", event => { if (event.key === "Escape") hide(); });
})();

// Folded parts: a link into one opens it; a telephone folds what a wide screen has room for.
(function () {
  const open = hash => {
    const part = hash.length > 1 && document.getElementById(hash.slice(1)), fold = part && part.querySelector("details.part");
    if (fold) fold.open = true;
  };
  document.addEventListener("click", event => { const link = event.target.closest("a[href^='#']"); if (link) open(link.getAttribute("href")); });
  if (innerWidth < 600) document.querySelectorAll("details.roomy").forEach(fold => { fold.open = false; });
  open(location.hash);
  // paper has no folds
  let folded = [];
  addEventListener("beforeprint", () => { folded = [...document.querySelectorAll("details.part:not([open])")]; folded.forEach(fold => { fold.open = true; }); });
  addEventListener("afterprint", () => folded.forEach(fold => { fold.open = false; }));
})();

// Sorting: a heading sorts its column, again turns it round; cells without a figure stay last.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const rows = [...body.rows];
    const numbers = rows.some(row => row.cells[column].dataset.v !== undefined);
    const before = head.getAttribute("aria-sort");
    const up = before ? before === "descending" : !numbers || column === 0;
    const key = row => {
      const cell = row.cells[column];
      return numbers ? (cell.dataset.v === undefined ? null : Number(cell.dataset.v)) : cell.textContent;
    };
    const keyed = rows.map(row => [key(row), row]);
    keyed.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      const order = a < b ? -1 : a > b ? 1 : 0;
      return up ? order : -order;
    });
    body.append(...keyed.map(pair => pair[1]));
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
  }));
}

// Filter of the leaderboard: every word in some cell, the axis values chosen, figures within their bounds.
(function () {
  const box = document.getElementById("filters"), table = document.getElementById("board");
  if (!box || !table) return;
  box.hidden = false;
  const words = document.getElementById("filter"), fields = [...box.querySelectorAll("[data-col]")];
  const rows = [...table.tBodies[0].rows].map(row => [row, [...row.cells].map(cell => cell.textContent.toLowerCase())]);
  const fits = (field, row) => {
    if (field.value === "") return true;
    const value = row.cells[field.dataset.col].dataset.v;
    if (field.tagName === "SELECT") return value === field.value;
    // a cell without a figure fits no bound
    return value !== undefined && (field.dataset.bound === "min" ? Number(value) >= Number(field.value) : Number(value) <= Number(field.value));
  };
  const apply = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [row, cells] of rows) {
      row.hidden = !wanted.every(word => cells.some(cell => cell.includes(word))) || !fields.every(field => fits(field, row));
      shown += !row.hidden;
    }
    const any = wanted.length || fields.some(field => field.value !== "");
    document.getElementById("matches").textContent = any ? shown + " of " + rows.length + " rows" : "";
  };
  box.addEventListener("input", apply);
  document.getElementById("filter-clear").addEventListener("click", () => {
    [words, ...fields].forEach(field => { field.value = ""; });
    apply();
  });
  apply();
})();

// Heatmaps: another statistic in the cells, and what a cell stands for when pointed at.
(function () {
  const picks = document.getElementById("picks");
  if (!picks) return;
  const data = page.heat;
  const tables = [...document.querySelectorAll("table.heat")];
  const show = pick => {
    tables.forEach(table => {
      const map = data.maps[table.dataset.map], classes = map[pick].c.split(" "), texts = map[pick].t.split("|");
      table.querySelectorAll("tbody td").forEach((cell, i) => {
        cell.className = classes[i] + ["win", "flat", "peak", "pale"].filter(mark => cell.classList.contains(mark)).map(mark => " " + mark).join("");
        cell.firstChild.textContent = texts[i];
      });
    });
    document.querySelectorAll(".scale").forEach(scale => { scale.hidden = scale.dataset.pick !== pick; });
  };
  picks.hidden = false;
  picks.addEventListener("change", event => show(event.target.value));
  const checked = picks.querySelector(":checked");
  if (checked.value !== "median") show(checked.value);
  tables.forEach(table => table.addEventListener("pointerover", event => {
    const cell = event.target.closest("tbody td");
    if (!cell || cell.title) return;
    const map = data.maps[table.dataset.map], columns = map.x[1].length;
    const row = cell.parentNode.sectionRowIndex, column = cell.cellIndex - 1, i = row * columns + column;
    const figures = ["best", "median", "worst"].map(pick => pick + " " + map[pick].t.split("|")[i]).join(", ");
    cell.title = map.y[0] + " " + map.y[1][row] + ", " + map.x[0] + " " + map.x[1][column] + "\n" +
      data.metric + ": " + figures + "\n" + map.n[i] + (map.n[i] === 1 ? " configuration" : " configurations");
  }));
})();
