// What a reader does with a report page, done to the copy in `frame`; gives what the page did otherwise than it should.
"use strict";

function walk(frame, dark) {
  const view = frame.contentWindow, document = frame.contentDocument;
  const faults = [], done = {};
  const check = (holds, ...what) => {
    const words = what.join(" ");
    if (!holds && !faults.includes(words)) faults.push(words);
    return Boolean(holds);
  };
  const part = (name, steps) => {
    try {
      steps();
      done[name] = (done[name] || 0) + 1;
    } catch (error) {
      faults.push(name + ": " + error);
    }
    fits(name);
  };
  const id = name => document.getElementById(name);
  const all = selector => [...document.querySelectorAll(selector)];
  const seen = node => node.getClientRects().length > 0;
  const text = node => node.textContent.trim();
  const fire = (node, type) => node.dispatchEvent(new view.Event(type, { bubbles: true }));
  const press = (node, key, shiftKey = false) => node.dispatchEvent(new view.KeyboardEvent("keydown", { key, shiftKey, bubbles: true, cancelable: true }));
  const point = (node, type, x = 0, y = 0) => node.dispatchEvent(new view.PointerEvent(type, { clientX: x, clientY: y, bubbles: type !== "pointerleave" }));
  const set = (field, value) => { field.value = value; fire(field, "input"); fire(field, "change"); };

  // Nothing is wider than the window, and no text runs out of its own drawing.
  const scrolls = node => node && (/auto|scroll/.test(view.getComputedStyle(node).overflowX) || scrolls(node.parentElement));
  function fits(after) {
    const root = document.scrollingElement;
    if (root.scrollWidth > view.innerWidth) {
      const wide = all("body *").filter(node => seen(node) && node.getBoundingClientRect().right > view.innerWidth + 1 && !scrolls(node));
      const names = wide.slice(0, 3).map(node => node.tagName + "." + (node.getAttribute("class") || node.id));
      check(false, after, "makes the page", root.scrollWidth, "wide in a window of", view.innerWidth + ":", names.join(", "));
    }
  }
  const drawings = () => all("main svg").filter(seen).forEach(svg => {
    const box = svg.getBoundingClientRect();
    [...svg.querySelectorAll("text")].forEach(node => {
      const at = node.getBoundingClientRect();
      check(at.left >= box.left - 1 && at.right <= box.right + 1 && at.top >= box.top - 1 && at.bottom <= box.bottom + 1,
        "\"" + text(node) + "\" runs out of", svg.getAttribute("aria-label"));
    });
  });

  part("theme", () => {
    const ground = () => view.getComputedStyle(document.body).backgroundColor;
    const bright = () => ground().match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) > 380;
    for (let turn = 0; turn < 2; turn++) {
      const before = bright(), word = text(id("theme"));
      check(word === (before ? "Dark" : "Light"), "the theme button says", word);
      id("theme").click();
      check(bright() !== before, "the theme button leaves the ground", ground());
    }
    if (bright() === dark) id("theme").click();
    check(bright() !== dark, "the theme is not what was asked for");
  });
  part("drawings", drawings);

  // As it is opened, before anything is unfolded: a window is 900 high on a desk, 844 on a telephone.
  part("screens", () => {
    for (const tile of all(".tile")) check(tile.scrollWidth <= tile.clientWidth + 1, text(tile).slice(0, 30), "runs out of its tile");
    if (dark) return;
    const wide = view.innerWidth > 1000, root = document.scrollingElement;
    const screens = root.scrollHeight / (wide ? 900 : 844), most = wide ? 8 : 12;
    check(screens <= most, "the page is", screens.toFixed(1), "screens long, of at most", most);
    if (!wide) return;
    const first = [...all(".verdict, .luck svg, #first-chart svg, .tiles.five .tile")].filter(seen);
    check(first.length >= 7, "the first screen lacks something:", first.length);
    for (const node of first) {
      const bottom = node.getBoundingClientRect().bottom + view.scrollY;
      check(bottom <= 900, "the first screen ends at", Math.round(bottom), "with", text(node).slice(0, 40));
    }
    done.height = root.scrollHeight;
  });

  part("terms", () => {
    const tip = id("tip"), terms = all(".term").filter(seen);
    check(terms.length > 5, "only", terms.length, "terms of the glossary are seen");
    for (const term of terms) {
      const meaning = text(id(term.getAttribute("aria-describedby")));
      point(term, "pointerover");
      check(seen(tip) && text(tip) === meaning && meaning.length > 20, text(term), "tells", text(tip), "when pointed at");
      fits("the meaning of " + text(term));
      press(term, "Escape");
      check(!seen(tip), text(term), "goes on telling");
      term.focus();
      term.dispatchEvent(new view.FocusEvent("focusin", { bubbles: true }));
      check(seen(tip) && text(tip) === meaning, text(term), "tells", text(tip), "to the keyboard");
      term.blur();
      term.dispatchEvent(new view.FocusEvent("focusout", { bubbles: true }));
      check(!seen(tip), text(term), "tells without focus");
    }
  });

  part("folds", () => {
    for (const link of all("nav a")) {
      link.click();
      const fold = document.querySelector(link.getAttribute("href") + " > details.part");
      check(!fold || fold.open, link.getAttribute("href"), "stays folded");
    }
    view.scrollTo(0, 0);
    all("details").forEach(fold => { fold.open = true; });
    const ranks = [...document.querySelectorAll("#best tbody th")].map(text);
    check(ranks.length > 0 && ranks.length <= 10 && ranks[0] === "1", "the best are of rank", ranks.join());
  });

  part("sort", () => {
    for (const table of all("table.sortable")) {
      const heads = [...table.tHead.rows[0].cells];
      heads.forEach((head, column) => {
        const name = (table.id || "table") + " by " + text(head);
        for (let turn = 0; turn < 2; turn++) {
          const was = head.getAttribute("aria-sort");
          head.querySelector("button").click();
          const way = head.getAttribute("aria-sort");
          check(way && way !== was, name, "leaves aria-sort", way);
          check(heads.every(other => other === head || !other.hasAttribute("aria-sort")), name, "leaves another column sorted");
          const cells = [...table.tBodies[0].rows].map(row => row.cells[column]);
          const figures = cells.some(cell => cell.dataset.v !== undefined);
          const keys = cells.map(cell => figures ? (cell.dataset.v === undefined ? null : Number(cell.dataset.v)) : cell.textContent);
          for (let i = 1; i < keys.length; i++) {
            const [a, b] = [keys[i - 1], keys[i]];
            const right = b === null || a !== null && (way === "ascending" ? a <= b : a >= b);
            if (!check(right, name, way + ":", b, "after", a)) break;
          }
        }
      });
      heads[0].querySelector("button").click();
      const first = text(table.tBodies[0].rows[0].cells[0]);
      check(first !== "", table.id, "has no first cell");
      done.columns = (done.columns || 0) + heads.length;
    }
    const first = id("board").tBodies[0].rows[0];
    check(first.dataset.rank === "1", "rank 1 does not lead after sorting by rank:", first.dataset.rank);
  });

  part("filter", () => {
    const rows = [...id("board").tBodies[0].rows], shown = () => rows.filter(seen).length;
    const count = (of, what) => {
      check(shown() === of, what, "shows", shown(), "rows, not", of);
      const said = text(id("matches")), due = of + " of " + rows.length + " rows";
      check(said === due, what, "says", said, "not", due);
    };
    const cleared = what => {
      id("filter-clear").click();
      check(shown() === rows.length && text(id("matches")) === "", what, "is not cleared");
      check(all("#filters input, #filters select").every(field => field.value === ""), what, "leaves a field filled");
    };
    check(!id("filters").hidden, "the filters are hidden");
    id("filters").open = true;
    const code = text(rows[rows.length - 1].querySelector("code"));
    set(id("filter"), code.toUpperCase());
    count(1, "the id " + code);
    set(id("filter"), "no such word");
    count(0, "a word that is nowhere");
    cleared("the filter by words");
    for (const field of all("#filters [data-col]")) {
      const cells = rows.map(row => row.cells[field.dataset.col].dataset.v), name = "field " + (field.getAttribute("aria-label") || field.dataset.col);
      if (field.tagName === "SELECT") {
        set(field, cells[0]);
        count(cells.filter(v => v === cells[0]).length, name);
      } else {
        const known = cells.filter(v => v !== undefined).map(Number).sort((a, b) => a - b);
        if (!known.length) continue;
        const middle = known[Math.floor(known.length / 2)];
        set(field, String(middle));
        count(known.filter(v => field.dataset.bound === "min" ? v >= middle : v <= middle).length, name);
      }
      cleared(name);
      done.fields = (done.fields || 0) + 1;
    }
  });

  part("charts", () => {
    for (const chart of all("[data-hover]")) {
      const out = chart.querySelector(".readout"), name = chart.id;
      const svg = [...chart.querySelectorAll("svg[data-left]")].find(seen);
      const box = svg.getBoundingClientRect();
      point(svg, "pointermove", box.left + box.width / 2, box.top + box.height / 2);
      const middle = text(out);
      check(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC · \S/.test(middle), name, "reads", middle);
      check(svg.querySelector(".cursor"), name, "has no cursor");
      fits(name + " read off");
      point(chart, "pointerleave");
      check(text(out) === "" && !svg.querySelector(".cursor"), name, "keeps its readout");
      chart.focus();
      check(document.activeElement === chart, name, "takes no focus");
      press(chart, "Home");
      const home = text(out);
      press(chart, "ArrowRight");
      const next = text(out);
      press(chart, "ArrowLeft");
      check(home !== "" && home !== next && text(out) === home, name, "by arrows:", home, "|", next, "|", text(out));
      press(chart, "ArrowRight", true);
      press(chart, "End");
      const end = text(out);
      press(chart, "ArrowRight");
      check(end > middle && middle > home && text(out) === end, name, "at its ends:", home, "|", middle, "|", end);
      chart.blur();
      point(chart, "pointerleave");
      done.hovers = (done.hovers || 0) + 1;
    }
  });

  part("trades", () => {
    const select = id("zoom"), numbers = [...select.options].slice(1).map(option => option.value);
    check(numbers.length > 0, "no trade to choose");
    const box = id("zoomed"), whole = () => all("#market-chart > .wide, #market-chart > .narrow").filter(seen).length === 1;
    check(box.hidden && whole(), "a trade is shown before one was chosen");
    for (const number of numbers.slice(0, 12)) {
      set(select, number);
      check(!box.hidden && seen(box.querySelector("svg")) && !all("#market-chart > .wide, #market-chart > .narrow").some(seen), "trade", number, "is not shown");
      const path = box.querySelector("path.range").getAttribute("d");
      check(path.length > 20 && !path.includes("NaN"), "trade", number, "is drawn as", path.slice(0, 40));
      drawings();
    }
    press(id("market-chart"), "Home");
    check(/UTC · /.test(text(id("market-chart").querySelector(".readout"))), "a trade is not read off");
    set(select, numbers[0]);
    id("zoom-on").click();
    check(select.value === numbers[Math.min(1, numbers.length - 1)], "the next trade is", select.value);
    set(select, numbers[0]);
    id("zoom-back").click();
    check(select.value === "" && box.hidden && whole() && id("zoom-back").disabled, "one back from the first trade is not the whole range");
    const link = document.querySelector("#trade-list a[data-trade]");
    link.click();
    check(select.value === link.dataset.trade && !box.hidden, "the trade list's number shows trade", select.value);
    set(select, "");
    check(whole(), "the whole range does not come back");
  });

  // every way to part the time adds up to the money of both runs, which the ledger's lines are
  part("when", () => {
    const figure = node => Number(node.textContent.split(": ")[1].split(/[ \u00a0]/)[0].replace("\u2212", "-").replace(/,/g, ""));
    const lines = [...document.querySelectorAll("#money tfoot td")].map(cell => Number(cell.dataset.v));
    const net = lines[2] + (lines[5] || 0), charts = all("#when figure");
    // a run of one day is not parted by days
    check(charts.length >= 3, "the money is shown in", charts.length, "ways");
    for (const chart of charts) {
      const bars = [...chart.querySelectorAll(".wide .bar title")].map(figure), sum = bars.reduce((a, b) => a + b, 0);
      check(Math.abs(sum - net) < 0.006 * bars.length + 0.01, chart.querySelector("figcaption").textContent, "adds up to", sum, "not", net);
    }
  });

  part("waterfall", () => {
    const pick = id("waterfall-pick"), panes = all("[data-pane]");
    for (const option of pick.options) {
      set(pick, option.value);
      const now = panes.filter(seen).map(pane => pane.dataset.pane);
      check(now.join() === option.value, "the waterfall of", option.textContent, "shows", now.join());
      drawings();
    }
    set(pick, "0");
  });

  part("heatmaps", () => {
    const cells = () => all("table.heat tbody td"), looks = [], figures = {};
    for (const radio of all("#picks input")) {
      radio.click();
      looks.push(cells().map(cell => cell.className).join());
      figures[radio.value] = cells().map(cell => Number(text(cell).replace("\u2212", "-").replace(/,/g, "")));
      const scales = all(".scale").filter(seen).map(scale => scale.dataset.pick);
      check(scales.join() === radio.value, "the scale shown is of", scales.join(), "not", radio.value);
      check(all("td.win").length === all("table.heat").length, radio.value, "loses the winner's mark");
      fits(radio.value);
    }
    check(looks.length === 3 && new Set(looks).size > 1, "no statistic changes a heatmap's colours");
    const { best, median, worst } = figures;
    check(best.some((figure, i) => figure > worst[i]), "no statistic changes a heatmap's figures");
    check(median.every((figure, i) => Number.isNaN(figure) || (best[i] >= figure && figure >= worst[i])), "a heatmap's median is not between worst and best");
    const cell = document.querySelector("table.heat tbody td.win");
    point(cell, "pointerover");
    check(/best .*median .*worst .*\n\d+ configuration/.test(cell.title), "a cell tells", cell.title);
    document.querySelector("#picks input[value=median]").click();
  });

  part("parallel", () => {
    const thread = all("#parallel-chart svg").find(seen).querySelector("[data-rank]"), out = id("parallel-chart").querySelector(".readout");
    point(thread, "pointerover");
    check(text(out).startsWith("Rank " + thread.dataset.rank + ": "), "a line tells", text(out));
    point(id("parallel-chart"), "pointerleave");
    check(text(out) === "", "a line's readout stays");
    point(id("board").tBodies[0].rows[0].cells[1], "pointerover");
    check(text(out).startsWith("Rank 1: "), "a row of the leaderboard tells", text(out));
    point(id("board"), "pointerleave");
  });

  part("keyboard", () => {
    const stops = all("a[href], button, input, select, summary, [tabindex]").filter(node => seen(node) && !node.disabled && node.tabIndex >= 0);
    check(stops.length > 20, "only", stops.length, "stops for the keyboard");
    for (const stop of stops) {
      stop.focus();
      const name = stop.getAttribute("aria-label") || text(stop) || stop.placeholder || (stop.labels && stop.labels.length && text(stop.labels[0]));
      check(document.activeElement === stop, stop.outerHTML.slice(0, 80), "takes no focus");
      check(name, stop.outerHTML.slice(0, 80), "has no name");
      check(stop.tabIndex === 0, stop.outerHTML.slice(0, 80), "is out of order");
    }
    document.activeElement.blur();
    done.stops = stops.length;
  });

  part("anchors", () => {
    for (const link of all("nav a")) check(document.querySelector(link.getAttribute("href")), "no", link.getAttribute("href"));
    const ids = all("[id]").map(node => node.id);
    check(new Set(ids).size === ids.length, "an id stands twice");
    check(all("[role=status]").length >= 4, "readouts are not told to a screen reader");
  });
  part("drawings", drawings);
  return { faults, done };
}
