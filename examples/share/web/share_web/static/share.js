// What pages gain with scripts: uploads with progress, lists that follow the worker, copy buttons.
// Everything works without; this file only adds.
"use strict";

document.documentElement.classList.add("scripted");

const announce = (text) => {
  const place = document.getElementById("announce");
  if (place) place.textContent = text;
};

// The list: taken again from the server's own page, so there is one way to draw it.

let lookTimer = 0;
let pauseMs = 300;

async function refresh() {
  const old = document.getElementById("files");
  const answer = await fetch(location.pathname, { credentials: "same-origin", cache: "no-store" });
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("files");
  if (!fresh) return;
  if (fresh.outerHTML !== old.outerHTML) {
    const focused = old.contains(document.activeElement) ? document.activeElement.id || document.activeElement.href : "";
    old.replaceWith(fresh);
    if (focused) {
      const again = [...fresh.querySelectorAll("a, button")].find((node) => node.id === focused || node.href === focused);
      if (again) again.focus();
    }
  }
  if (old.hasAttribute("data-waiting") && !fresh.hasAttribute("data-waiting")) announce("All files are checked.");
}

function follow() {
  clearTimeout(lookTimer);
  if (!document.querySelector("#files[data-waiting]")) return;
  lookTimer = setTimeout(async () => {
    try {
      await refresh();
    } catch {
      // The server is away for a moment; the next look may find it again.
    }
    pauseMs = Math.min(pauseMs * 1.5, 3000);
    follow();
  }, pauseMs);
}

// Uploads: one request per file, one after the other, each with its own progress and its own end.

const form = document.getElementById("upload");
const queue = [];
let isSending = false;

function row(file) {
  const item = document.createElement("li");
  item.className = "going";
  const name = document.createElement("span");
  name.className = "name";
  name.textContent = file.name;
  const state = document.createElement("span");
  state.className = "quiet";
  state.textContent = "Waiting";
  const cancel = document.createElement("button");
  cancel.type = "button";
  cancel.className = "plain";
  cancel.innerHTML = '<i class="icon close" aria-hidden="true"></i>';
  cancel.setAttribute("aria-label", `Cancel the upload of ${file.name}`);
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", `Upload of ${file.name}`);
  item.append(name, state, cancel, bar);
  const list = document.querySelector("#uploads ul");
  list.append(item);
  list.parentElement.hidden = false;
  return { file, item, state, cancel, bar, request: null };
}

function drop(upload) {
  upload.item.remove();
  const section = document.getElementById("uploads");
  section.hidden = !section.querySelector("li");
}

function fail(upload, text) {
  upload.item.classList.add("bad");
  upload.bar.remove();
  upload.state.textContent = text;
  upload.cancel.setAttribute("aria-label", `Dismiss ${upload.file.name}`);
  upload.cancel.onclick = () => drop(upload);
  announce(`${upload.file.name}: ${text}`);
}

function explain(request) {
  if (request.status === 413) return "This file is larger than the appliance accepts.";
  if (request.status === 401) return "You were logged out. Log in and try again.";
  if (request.response && request.response.text) return request.response.text;
  return request.status ? "Share is not ready right now. Try again in a moment." : "The connection broke. Try again.";
}

function send(upload) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    upload.request = request;
    request.open("POST", form.action);
    request.responseType = "json";
    request.setRequestHeader("Accept", "application/json");
    let said = 0;
    request.upload.onprogress = (event) => {
      if (!event.lengthComputable) return;
      const part = event.loaded / event.total;
      upload.bar.value = part;
      upload.state.textContent = part < 1 ? `${Math.floor(part * 100)} %` : "Saving";
      // A screen reader hears quarters, not every packet.
      if (Math.floor(part * 4) > said) {
        said = Math.floor(part * 4);
        announce(`${upload.file.name}: ${said * 25} %`);
      }
    };
    request.onload = () => {
      if (request.status === 201) {
        drop(upload);
        announce(`${upload.file.name} is uploaded.`);
      } else {
        fail(upload, explain(request));
      }
      resolve();
    };
    request.onerror = () => {
      fail(upload, explain(request));
      resolve();
    };
    request.onabort = () => {
      drop(upload);
      announce(`The upload of ${upload.file.name} was cancelled.`);
      resolve();
    };
    const body = new FormData();
    // The token goes first: the server looks at it before it takes the file.
    body.append("form_token", form.elements.form_token.value);
    body.append("file", upload.file);
    request.send(body);
  });
}

async function work() {
  if (isSending) return;
  isSending = true;
  while (queue.length) {
    const upload = queue.shift();
    upload.cancel.onclick = () => upload.request.abort();
    await send(upload);
    await refresh().catch(() => undefined);
    pauseMs = 300;
    follow();
  }
  isSending = false;
}

function add(files) {
  for (const file of files) {
    const upload = row(file);
    if (file.size > Number(form.dataset.limit)) {
      fail(upload, "This file is larger than the appliance accepts.");
      continue;
    }
    upload.cancel.onclick = () => {
      queue.splice(queue.indexOf(upload), 1);
      drop(upload);
    };
    queue.push(upload);
  }
  work();
}

if (form) {
  form.elements.file.addEventListener("change", () => {
    add([...form.elements.file.files]);
    form.elements.file.value = "";
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  let depth = 0;
  const carriesFiles = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  const mark = (event, change) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = Math.max(0, depth + change);
    form.classList.toggle("over", depth > 0);
  };
  document.addEventListener("dragenter", (event) => mark(event, 1));
  document.addEventListener("dragleave", (event) => mark(event, -1));
  document.addEventListener("dragover", (event) => mark(event, 0));
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    mark(event, -depth);
    add([...event.dataTransfer.files]);
  });
  window.addEventListener("beforeunload", (event) => {
    if (isSending) event.preventDefault();
  });
}

// Copy buttons.

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.copy);
    const label = button.querySelector("span");
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      label.textContent = "Copied";
      announce("The link is copied.");
    } catch {
      label.textContent = "Press Ctrl+C";
    }
    setTimeout(() => { label.textContent = "Copy"; }, 2500);
  });
}

follow();
