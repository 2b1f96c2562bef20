"use strict";
(() => {
  const shown = new Map();
  const link = document.getElementById("link");
  let newest = Date.now();
  const source = new EventSource("events");
  source.onmessage = (event) => {
    newest = Date.now();
    // made by the program itself, with everything foreign escaped
    for (const [id, html] of Object.entries(JSON.parse(event.data))) {
      if (shown.get(id) === html) continue;
      shown.set(id, html);
      const place = document.getElementById(id);
      if (place) place.innerHTML = html;
    }
  };
  setInterval(() => {
    const silent = Math.round((Date.now() - newest) / 1000);
    link.hidden = silent < 4;
    link.textContent = "No news from the program for " + silent + " s: what stands below is old.";
  }, 500);
})();
