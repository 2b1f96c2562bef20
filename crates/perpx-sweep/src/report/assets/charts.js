
// Figures packed three letters each (page/pack.rs).
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const PLACE = Object.fromEntries([...LETTERS].map((letter, i) => [letter, i]));
function read(packed, i) {
  const d = packed.d;
  if (d[3 * i] === ".") return null;
  const place = PLACE[d[3 * i]] * 4096 + PLACE[d[3 * i + 1]] * 64 + PLACE[d[3 * i + 2]];
  return packed.lo + (packed.hi - packed.lo) * place / 262143;
}
const utc = ms => new Date(ms).toISOString().slice(0, 19).replace("T", " ");
// As many places as what the series spans asks for, thousands set apart, a real minus sign.
function figure(value, packed) {
  const reach = Math.max(Math.abs(packed.lo), Math.abs(packed.hi), 1e-9);
  const power = Math.floor(Math.log10(reach)), digits = power < 0 ? Math.min(8, 2 - power) : Math.max(0, Math.min(2, 4 - power));
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "\u2212");
}
function readout(chart, i) {
  const parts = [utc(chart.from + (i + 0.5) * (chart.to - chart.from) / chart.n) + " UTC"];
  for (const row of chart.rows) {
    const lo = read(row.lo, i), hi = row.hi ? read(row.hi, i) : null;
    if (lo === null) continue;
    const shown = hi === null || figure(hi, row.lo) === figure(lo, row.lo) ? figure(lo, row.lo) : figure(lo, row.lo) + " to " + figure(hi, row.lo);
    parts.push(row.name + " " + shown + (row.unit ? "\u00a0" + row.unit : ""));
  }
  return parts.join(" · ");
}

// A node of a drawing.
function draw(parent, name, attributes, text) {
  const node = document.createElementNS("http" + "://www.w3.org/2000/svg", name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  if (text !== undefined) node.textContent = text;
  parent.append(node);
  return node;
}

// Charts over time: the pointer or the arrow keys move a line, and what lies under it is told below.
const cursors = {};
for (const figureNode of document.querySelectorAll("[data-hover]")) {
  const name = figureNode.dataset.hover, out = figureNode.querySelector(".readout");
  let at = null;
  const chart = () => figureNode.zoomed || page.charts[name];
  const seen = () => [...figureNode.querySelectorAll("svg[data-left]")].find(svg => svg.getClientRects().length);
  const place = i => {
    const data = chart(), svg = seen();
    if (!data || !svg) return;
    at = Math.max(0, Math.min(data.n - 1, i));
    let line = svg.querySelector(".cursor");
    if (!line) line = draw(svg, "line", { class: "cursor", y1: 20, y2: svg.viewBox.baseVal.height - 22 });
    const left = Number(svg.dataset.left), right = Number(svg.dataset.right), x = left + (right - left) * (at + 0.5) / data.n;
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    out.textContent = readout(data, at);
  };
  const clear = () => {
    figureNode.querySelectorAll(".cursor").forEach(line => line.remove());
    out.textContent = "";
    at = null;
  };
  figureNode.addEventListener("pointermove", event => {
    const svg = event.target.closest("svg[data-left]"), data = chart();
    if (!svg || !data) return;
    const box = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.width / box.width;
    const left = Number(svg.dataset.left), right = Number(svg.dataset.right);
    place(Math.floor(((event.clientX - box.left) * scale - left) / (right - left) * data.n));
  });
  figureNode.addEventListener("pointerleave", clear);
  figureNode.addEventListener("blur", clear);
  figureNode.addEventListener("keydown", event => {
    const data = chart();
    if (!data || event.target !== figureNode) return;
    const step = event.shiftKey ? Math.ceil(data.n / 20) : 1, from = at === null ? -step : at;
    const to = { ArrowRight: from + step, ArrowLeft: from - step, Home: 0, End: data.n - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    place(to);
  });
  cursors[name] = clear;
}

// Round ticks, at most about `want`.
function ticks(lo, hi, want) {
  const raw = (hi - lo || 1) / want, power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 2.5, 5, 10].find(s => raw <= s * power * 1.000001) || 10);
  const out = [];
  for (let i = Math.ceil(lo / step); i * step <= hi + step * 1e-9; i++) out.push(i * step);
  return { out, digits: Math.max(0, Math.ceil(-Math.log10(step) - 1e-9) + (Math.abs(step / power - 2.5) < 1e-6 && step < 10 ? 1 : 0)) };
}

// One trade over price and spread, drawn as wide as there is room.
function drawTrade(box, trade) {
  box.textContent = "";
  const width = Math.max(320, Math.min(1240, box.clientWidth)), wide = width > 600;
  const right = width - 8, tops = [24, wide ? 300 : 230], heights = wide ? [236, 150] : [170, 110];
  const strip = tops[1] + heights[1] + 10, height = strip + 44;
  const scales = [[0, 1], [2, 3]].map((rows, panel) => {
    let lo = Infinity, hi = -Infinity;
    for (const row of rows) for (let i = 0; i < trade.n; i++) {
      const a = read(trade.rows[row].lo, i), b = read(trade.rows[row].hi, i);
      if (a !== null) { lo = Math.min(lo, a); hi = Math.max(hi, b); }
    }
    if (!(lo <= hi)) { lo = 0; hi = 1; }
    const room = (hi - lo) * 0.06 || Math.abs(hi) * 1e-4 || 1;
    lo -= room;
    hi += room;
    return { lo, hi, y: value => tops[panel] + heights[panel] * (1 - (value - lo) / (hi - lo)) };
  });
  const shownTicks = scales.map((scale, panel) => {
    const marks = ticks(scale.lo, scale.hi, panel ? 4 : 5), digits = { minimumFractionDigits: marks.digits, maximumFractionDigits: marks.digits };
    return marks.out.map(tick => [tick, tick.toLocaleString("en-US", digits).replace("-", "\u2212")]);
  });
  const left = Math.max(wide ? 74 : 62, 12 + 7.7 * Math.max(...shownTicks.flat().map(([, shown]) => shown.length)));
  const svg = draw(box, "svg", { viewBox: "0 0 " + width + " " + height, role: "img", "data-left": left, "data-right": right, "aria-label": "The trade over price and spread" });
  const x = ms => left + (right - left) * Math.max(0, Math.min(1, (ms - trade.from) / (trade.to - trade.from)));
  const middle = i => left + (right - left) * (i + 0.5) / trade.n;
  // states behind, and as a strip below
  const steps = trade.steps, edges = [[trade.from, 0], ...steps.map(step => [step[0], step[1]]), [trade.to, null]];
  edges.slice(0, -1).forEach(([from, state], i) => {
    const a = x(from), w = Math.max(0.5, x(edges[i + 1][0]) - a);
    if (state) draw(svg, "rect", { x: a, y: tops[0], width: w, height: strip - 10 - tops[0], style: "fill:var(--s" + state + ");opacity:.1" });
    draw(svg, "rect", { x: a, y: strip, width: w, height: 16, style: "fill:var(--s" + state + ")" });
  });
  draw(svg, "text", { class: "unit", x: left - 6, y: strip + 12, "text-anchor": "end" }, "State");
  ["Mid, " + page.quote, "Spread, bp"].forEach((unit, panel) => {
    const scale = scales[panel], g = draw(svg, "g", { class: "ruler" });
    draw(svg, "text", { class: "unit", x: left, y: tops[panel] - 9 }, unit);
    for (const [tick, shown] of shownTicks[panel]) {
      const y = scale.y(tick);
      draw(g, "line", { x1: left, x2: right, y1: y, y2: y });
      draw(g, "text", { x: left - 6, y: y + 4, "text-anchor": "end" }, shown);
    }
  });
  const area = (row, scale) => {
    const up = [], down = [];
    for (let i = 0; i < trade.n; i++) {
      const lo = read(trade.rows[row].lo, i), hi = read(trade.rows[row].hi, i);
      if (lo === null) continue;
      up.push(middle(i).toFixed(1) + " " + scale.y(hi).toFixed(1));
      down.unshift(middle(i).toFixed(1) + " " + scale.y(lo).toFixed(1));
    }
    return up.length ? "M" + up.concat(down).join("L") + "Z" : "";
  };
  [["--c2", 1, 0], ["--c1", 0, 0], ["--spread", 2, 1]].forEach(([tone, row, panel]) =>
    draw(svg, "path", { class: "range", style: "--tone:var(" + tone + ")", d: area(row, scales[panel]) }));
  for (const side of ["lo", "hi"]) {
    let d = "", pen = false;
    for (let i = 0; i < trade.n; i++) {
      const value = read(trade.rows[3][side], i);
      if (value !== null) d += (pen ? "L" : "M") + middle(i).toFixed(1) + " " + scales[1].y(value).toFixed(1);
      pen = value !== null;
    }
    draw(svg, "path", { class: "band-line", d });
  }
  // what it did, at the values of the column
  const shapes = ["m0 -5l5 9h-10z", "m0 -5l5 5l-5 5l-5 -5z", "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", "m-4 -4l8 8m0 -8l-8 8"];
  const kinds = ["entry", "lock", "unlock", "exit"];
  const near = (row, ms) => {
    const at = Math.max(0, Math.min(trade.n - 1, Math.floor((ms - trade.from) / (trade.to - trade.from) * trade.n)));
    for (let i = at; i >= 0; i--) {
      const lo = read(trade.rows[row].lo, i);
      if (lo !== null) return (lo + read(trade.rows[row].hi, i)) / 2;
    }
    return null;
  };
  const ends = [-Infinity, -Infinity, -Infinity];
  let last = -1;
  for (const [ms, to, kind, reason] of steps) {
    const px = x(ms), text = "S" + to + " " + page.reasons[reason];
    draw(svg, "line", { class: "step", x1: px, x2: px, y1: tops[0], y2: strip + 16 });
    if (kind !== null) {
      const panel = kind === 2 ? 1 : 0, value = near(kind === 2 ? 2 : 0, ms);
      if (value !== null) draw(svg, "path", { class: "mark " + kinds[kind], d: "M0 0" + shapes[kind], transform: "translate(" + px.toFixed(1) + " " + scales[panel].y(value).toFixed(1) + ") scale(1.5)" });
    }
    // labels at three heights, downwards while there is no room beside the one before
    const span = text.length * 7.5 + 6, end = px + span > right, from = end ? px - span : px;
    const free = ends.findIndex(until => until <= from), height = free >= 0 ? free : (last + 1) % ends.length;
    ends[height] = from + span;
    last = height;
    if (wide) draw(svg, "text", { class: "said", x: px + (end ? -3 : 3), y: tops[0] + 12 + 14 * height, "text-anchor": end ? "end" : "start" }, text);
  }
  const clock = draw(svg, "g", { class: "ruler" }), count = wide ? 7 : 2;
  for (let i = 0; i <= count; i++) {
    const ms = trade.from + (trade.to - trade.from) * i / count;
    draw(clock, "text", { x: x(ms), y: strip + 36, "text-anchor": i === 0 ? "start" : i === count ? "end" : "middle" }, i ? utc(ms).slice(11) : utc(ms).slice(5, wide ? 19 : 16));
  }
}

// A trade chosen in the box, by the arrows beside it, or in the trade list.
(function () {
  const chart = document.getElementById("market-chart"), select = document.getElementById("zoom");
  if (!chart || !select) return;
  document.getElementById("zoombar").hidden = false;
  const box = document.getElementById("zoomed"), whole = chart.querySelectorAll(":scope > .wide, :scope > .narrow");
  const show = () => {
    const trade = page.trades[select.value];
    cursors.market();
    chart.zoomed = trade || null;
    box.hidden = !trade;
    whole.forEach(part => { part.hidden = Boolean(trade); });
    if (trade) drawTrade(box, trade);
    document.getElementById("zoom-back").disabled = select.selectedIndex <= 0;
    document.getElementById("zoom-on").disabled = select.selectedIndex >= select.options.length - 1;
  };
  const move = by => { select.selectedIndex = Math.max(0, Math.min(select.options.length - 1, select.selectedIndex + by)); show(); };
  select.addEventListener("change", show);
  document.getElementById("zoom-back").addEventListener("click", () => move(-1));
  document.getElementById("zoom-on").addEventListener("click", () => move(1));
  document.addEventListener("click", event => {
    const link = event.target.closest("a[data-trade]");
    if (link) { select.value = link.dataset.trade; show(); }
  });
  let width = 0;
  addEventListener("resize", () => { if (!box.hidden && box.clientWidth !== width) { width = box.clientWidth; show(); } });
  addEventListener("beforeprint", () => { if (!box.hidden) show(); });
  show();
})();

// Waterfalls: one of them at a time.
for (const group of document.querySelectorAll("[data-panes]")) {
  const pick = group.querySelector("select"), panes = [...group.querySelectorAll("[data-pane]")];
  const show = () => panes.forEach(pane => { pane.hidden = pane.dataset.pane !== pick.value; });
  pick.closest("label").hidden = false;
  pick.addEventListener("change", show);
  show();
}

// Parallel coordinates: the line under the pointer, or of the leaderboard's row, alone.
(function () {
  const figureNode = document.getElementById("parallel-chart"), board = document.getElementById("board");
  if (!figureNode || !board) return;
  const out = figureNode.querySelector(".readout"), heads = [...board.tHead.rows[0].cells].map(head => head.querySelector("button").textContent);
  const single = rank => {
    figureNode.classList.toggle("one", rank !== null);
    figureNode.querySelectorAll(".thread.on").forEach(line => line.classList.remove("on"));
    const row = rank && board.querySelector('tr[data-rank="' + rank + '"]');
    if (row) figureNode.querySelectorAll('[data-rank="' + rank + '"]').forEach(line => line.classList.add("on"));
    out.textContent = row ? "Rank " + rank + ": " + heads.slice(1, 1 + row.querySelectorAll("td.axis").length + 1).map((head, i) => head + " " + row.cells[i + 1].textContent).join(" · ") : "";
  };
  const over = event => { const at = event.target.closest("[data-rank]"); if (at) single(at.dataset.rank); };
  for (const part of [figureNode, board]) {
    part.addEventListener("pointerover", over);
    part.addEventListener("pointerleave", () => single(null));
  }
})();
