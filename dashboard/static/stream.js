// One connection per browser: the tab that holds the lock reads the stream, the others hear of it by a channel.
// A browser gives a server six connections in all, so a stream per tab would leave none after the sixth tab.
import { word } from "./words.js";

const base = document.body.dataset.path;
const channel = new BroadcastChannel("buzzwatch" + base);
const listeners = { frame: [], alerts: [], snapshot: [], missed: [], forget: [], state: [] };
const STALE_MS = 5000;
const HIDDEN_MS = 30000;
const AGAIN_MS = 3000;
let source = null;
let lastId = "";
let heard = 0;
let state = "page";

// Calls `listen(data)` for each event: `snapshot`, `frame`, `alerts`, `forget` (ids), `missed`, and `state` of the connection.
export function on(kind, listen) {
  listeners[kind].push(listen);
}

function tell(kind, data) {
  for (const listen of listeners[kind]) listen(data);
}

function arrived(kind, data, id) {
  heard = performance.now();
  if (id) lastId = id;
  if (kind !== "missed") became("live");
  tell(kind, data);
}

function became(next) {
  if (next !== state) {
    state = next;
    tell("state", next);
  }
}

channel.onmessage = ({ data }) => {
  if (data.kind === "lost") became("lost");
  else arrived(data.kind, data.data, data.id);
};

function open() {
  source = new EventSource(`${base}stream` + (lastId ? `?last=${encodeURIComponent(lastId)}` : ""));
  for (const kind of ["snapshot", "frame", "alerts", "forget", "missed"]) {
    source.addEventListener(kind, (event) => {
      const data = JSON.parse(event.data);
      channel.postMessage({ kind, data, id: event.lastEventId });
      arrived(kind, data, event.lastEventId);
    });
  }
  source.onerror = () => {
    channel.postMessage({ kind: "lost" });
    became("lost");
    // A browser comes back by itself, unless it was answered with an error.
    if (source && source.readyState === EventSource.CLOSED) setTimeout(() => source && reopen(), AGAIN_MS);
  };
}

function reopen() {
  source.close();
  open();
}

function close() {
  if (source) source.close();
  source = null;
}

function visible() {
  return new Promise((resolve) => {
    if (!document.hidden) resolve();
    else document.addEventListener("visibilitychange", function look() {
      if (!document.hidden) {
        document.removeEventListener("visibilitychange", look);
        resolve();
      }
    });
  });
}

// Until this tab has been hidden for a while: then a visible one reads instead. With notifications on it reads on.
function hiddenForLong() {
  return new Promise((resolve) => {
    let timer = null;
    function look() {
      clearTimeout(timer);
      if (document.hidden && localStorage.getItem("buzzwatch.notify") !== "on") {
        timer = setTimeout(() => {
          document.removeEventListener("visibilitychange", look);
          resolve();
        }, HIDDEN_MS);
      }
    }
    document.addEventListener("visibilitychange", look);
    look();
  });
}

async function lead() {
  for (;;) {
    await visible();
    const reading = async () => {
      open();
      await hiddenForLong();
      close();
    };
    // Locks exist on https and on this machine alone; elsewhere each visible tab has a stream of its own.
    if (navigator.locks) await navigator.locks.request("buzzwatch-stream" + base, reading);
    else await reading();
  }
}

export function age() {
  return heard ? (performance.now() - heard) / 1000 : 0;
}

function showState() {
  const chip = document.getElementById("stream");
  const seconds = Math.floor(age());
  let said = word("live");
  let shown = state;
  if (state === "page") said = word("connecting");
  else if (state === "lost") said = word("connection lost, {n} s", { n: seconds });
  else if (age() * 1000 > STALE_MS) {
    shown = "stale";
    said = word("no data for {n} s", { n: seconds });
  }
  if (chip.dataset.state !== shown) chip.dataset.state = shown;
  const label = chip.querySelector(".label");
  if (label.textContent !== said) label.textContent = said;
}

on("state", showState);
setInterval(showState, 1000);
addEventListener("pagehide", close);
addEventListener("pageshow", (event) => event.persisted && location.reload());
showState();
lead();
