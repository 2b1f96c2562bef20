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
  for (const button of document.querySelectorAll("#hands button")) {
    button.addEventListener("click", async () => {
      const value = (id) => document.getElementById(id).value, said = document.getElementById("said");
      said.textContent = "…";
      const body = JSON.stringify({ verb: button.dataset.verb, reason: value("reason"), run: value("name") });
      const headers = { "Content-Type": "application/json", "X-Perpx-Verb": "1" };
      try {
        const answer = await fetch("verb", { method: "POST", headers, body });
        said.textContent = await answer.text();
      } catch (error) {
        said.textContent = "The program does not answer: " + error.message;
      }
      document.getElementById("name").value = "";
    });
  }
})();
