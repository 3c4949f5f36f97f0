"use strict";
// Keeps the page up to date, and hands over to the application. Without this script the page is loaded anew by itself.
(() => {
  const PAGE = "Boxship-Page", POLL_MS = 1000, MOST_POLL_MS = 5000, STALE_MS = 40000;
  const said = document.getElementById("said"), note = document.getElementById("note");
  const places = [...document.querySelectorAll("[data-part]")];
  const shown = new Map(places.map((place) => [place.dataset.part, place.innerHTML]));
  const isOwn = "own" in document.querySelector("main").dataset;
  let counted = Date.now(), heard = Date.now(), isReady = false, isLost = false, wait = POLL_MS, source;

  const tell = (text) => { note.textContent = text; note.hidden = text === ""; };

  const show = (change) => {
    for (const place of places) {
      const html = change.parts[place.dataset.part] ?? "";
      if (shown.get(place.dataset.part) === html) continue;
      shown.set(place.dataset.part, html);
      const log = place.querySelector("pre"), isAtEnd = !log || log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
      const top = log ? log.scrollTop : 0, hadFocus = log && log === document.activeElement;
      place.innerHTML = html;
      const next = place.querySelector("pre");
      if (next) next.scrollTop = isAtEnd ? next.scrollHeight : top;
      if (next && hadFocus) next.focus();
    }
    document.title = change.title;
    document.body.className = change.tone;
    if (said.textContent !== change.said) said.textContent = change.said;
    isReady = change.isReady;
    counted = Date.now();
  };

  const listen = () => {
    if (source) source.close();
    source = new EventSource("/boxship/events");
    source.addEventListener("progress", (event) => {
      heard = Date.now();
      isLost = false;
      tell("");
      show(JSON.parse(event.data));
    });
    source.onerror = () => { isLost = true; };
  };

  const age = () => {
    const passed = (Date.now() - counted) / 1000;
    for (const each of document.querySelectorAll("[data-age], [data-left]")) {
      const s = Math.floor("age" in each.dataset ? Number(each.dataset.age) + passed
        : Math.max(0, Number(each.dataset.left) - passed));
      const h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
      each.textContent = h ? `${h} h ${m} min` : m ? `${m} min ${s % 60} s` : `${s} s`;
    }
  };

  const ask = (path) => fetch(path, { cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(5000) });

  // Whether somebody else than this page answers here: the application does, also when it sends on elsewhere.
  const isTheApplication = (answer) =>
    answer.type === "opaqueredirect" || (answer.status < 500 && !answer.headers.has(PAGE));

  const look = async () => {
    if (isReady || isLost) {
      try {
        const ready = await ask("/ship-ready");
        if (ready.ok || ready.type === "opaqueredirect" || !ready.headers.has(PAGE)) {
          if (isTheApplication(await ask(location.pathname + location.search))) { location.reload(); return; }
          if (ready.ok && !isOwn) tell("Ready. Waiting for the application to answer…");
        }
        if (isLost && ready.headers.has(PAGE)) listen();
        wait = POLL_MS;
      } catch {
        tell("The connection is interrupted for a moment. This page goes on by itself.");
        wait = Math.min(MOST_POLL_MS, wait * 1.5);
      }
    } else if (Date.now() - heard > STALE_MS) {
      heard = Date.now();
      listen();
    }
    setTimeout(look, wait);
  };

  for (const log of document.querySelectorAll("pre")) log.scrollTop = log.scrollHeight;
  listen();
  setInterval(age, 1000);
  setTimeout(look, POLL_MS);
})();
