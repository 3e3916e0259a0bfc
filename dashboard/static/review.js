// The page Review: a key presses its button, once. A judgement that the server could not take is kept in this browser
// and sent again, also after the page was closed.
import { keys } from "./room.js";
import { word } from "./words.js";

const SEEN_MS = 250; // nobody reads a text faster: a key that comes earlier was meant for the text before
const AGAIN_MS = 2000;
const KEPT = `buzzwatch.judgement${document.body.dataset.path}`;
const shownAt = performance.now();
let isSent = false;

for (const button of document.querySelectorAll("[data-press]")) {
  keys({
    [button.dataset.press]: (event) => {
      // A key that is held, or a second press while the first one is on its way, is none.
      if (isSent || event.repeat || performance.now() - shownAt < SEEN_MS) return;
      if (button.form.reportValidity()) button.form.requestSubmit(button);
    },
  });
  button.form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (isSent) return;
    const data = new FormData(button.form, event.submitter ?? button);
    data.delete("csrf_token");
    const kept = { to: new URL(button.form.action).pathname, body: new URLSearchParams(data).toString() };
    localStorage.setItem(KEPT, JSON.stringify(kept));
    send(kept, button.form.elements.csrf_token.value);
  });
}

async function send(kept, token) {
  isSent = true;
  let answer = null;
  try {
    answer = await fetch(kept.to, {
      method: "POST",
      redirect: "manual",
      body: new URLSearchParams(`${kept.body}&csrf_token=${encodeURIComponent(token)}`),
    });
  } catch {
    // The server does not answer.
  }
  if (answer && (answer.type === "opaqueredirect" || (answer.status < 500 && answer.status !== 403))) {
    localStorage.removeItem(KEPT);
    location.reload();
    return;
  }
  waits();
  // After a restart of the server the token of this page is not good any more: the page has a new one.
  setTimeout(async () => send(kept, (await freshToken()) ?? token), AGAIN_MS);
}

async function freshToken() {
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return page.querySelector("[name=csrf_token]")?.value;
  } catch {
    return null;
  }
}

function waits() {
  if (document.getElementById("waits")) return;
  const line = document.createElement("p");
  line.id = "waits";
  line.className = "said wrong";
  line.setAttribute("role", "status");
  line.textContent = word("The server does not take it now: your judgement is kept here and sent again.");
  document.querySelector("main").prepend(line);
}

const left = localStorage.getItem(KEPT);
if (left) send(JSON.parse(left), document.querySelector("[name=csrf_token]").value);
