// On every page: theme, times, keys, parts that are fetched again, the strip of alerts.
import { ago, language, word } from "./words.js";
import { on } from "./stream.js";
import { moveCursor } from "./plots.js";
import "./alarm.js";

document.documentElement.classList.add("scripted");
const base = document.body.dataset.path;

// On a phone the navigation scrolls: the page that is shown is in sight.
const here = document.querySelector("nav a[aria-current]");
if (here) here.closest("nav").scrollLeft = here.offsetLeft - 48;

// Theme: at once, and kept by the server so that the next page comes in it.
const themeForm = document.getElementById("theme");
themeForm.addEventListener("submit", (event) => {
  event.preventDefault();
  const button = event.submitter ?? themeForm.querySelector("button");
  const chosen = button.value;
  document.documentElement.dataset.theme = chosen;
  fetch(themeForm.action, { method: "POST", body: new URLSearchParams(new FormData(themeForm, button)), redirect: "manual" });
  button.value = chosen === "dark" ? "light" : "dark";
  button.textContent = chosen === "dark" ? button.dataset.light : button.dataset.dark;
});
if (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches) {
  const button = themeForm.querySelector("button");
  button.value = "light";
  button.textContent = button.dataset.light;
}

// Times: relative, kept fresh; the absolute one is the title.
const clock = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });
export function freshenTimes(root = document) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const ms = Date.parse(time.dateTime);
    if (Number.isNaN(ms)) continue;
    const text = ago(ms);
    if (time.textContent !== text) time.textContent = text;
    if (!time.dataset.local) {
      time.title = clock.format(ms);
      time.dataset.local = "1";
    }
  }
}
// A time of day: the server knows that of UTC alone.
const dayClock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const secondClock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const datedClock = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });
export function localClocks(root = document) {
  for (const time of root.querySelectorAll("[data-clock]")) {
    const clock = "dated" in time.dataset ? datedClock : "seconds" in time.dataset ? secondClock : dayClock;
    time.textContent = clock.format(Number(time.dataset.clock));
  }
}
localClocks();
freshenTimes();
setInterval(freshenTimes, 1000);

// The strip: what fires, at once. `role=alert` reads it out.
const MARKS = { critical: "◆", warning: "▲", info: "●" };
const SEVERITIES = { critical: word("critical"), warning: word("warning"), info: word("info") };
const RANKS = ["info", "warning", "critical"];
function summaryOf(alert) {
  return language === "fr" ? alert.summary_fr : alert.summary;
}
export function showStrip(alerts) {
  const strip = document.getElementById("strip");
  if (!strip) return;
  const loud = alerts.filter((one) => one.state === "firing" && !one.silenced && !one.inhibited);
  loud.sort((one, other) => RANKS.indexOf(other.severity) - RANKS.indexOf(one.severity) || other.since - one.since);
  const text = strip.querySelector(".strip-text");
  const more = strip.querySelector(".strip-more");
  const strong = document.createElement("strong");
  let rest = document.createElement("a");
  rest.href = `${base}room/alerts`;
  if (loud.length) {
    strip.className = `strip ${loud[0].severity}`;
    strong.textContent = `${MARKS[loud[0].severity]} ${SEVERITIES[loud[0].severity]}`;
    rest.textContent = summaryOf(loud[0]);
    rest.href += `#${loud[0].fingerprint}`;
  } else if (alerts.length) {
    strip.className = "strip muted";
    strong.textContent = word("Nothing loud");
    rest.textContent = word("{n} pending or silenced", { n: alerts.length });
  } else {
    strip.className = "strip calm";
    strong.textContent = `✓ ${word("All quiet")}`;
    rest = document.createElement("span");
    rest.textContent = word("no alert is open");
  }
  const said = strong.textContent + rest.textContent;
  if (text.dataset.said !== said) {
    text.dataset.said = said;
    text.replaceChildren(strong, rest);
  }
  more.replaceChildren();
  if (loud.length && alerts.length > 1) {
    const link = document.createElement("a");
    link.href = `${base}room/alerts`;
    link.textContent = word("{n} more", { n: alerts.length - 1 });
    more.append(link);
  }
}

function isFilledIn(field) {
  if (field.matches("select")) return [...field.options].some((one) => one.selected !== one.defaultSelected && one.index > 0);
  return field.value !== field.defaultValue;
}

// Parts of the page that the server renders anew: `data-live`, when alerts change, every `data-every` seconds, and when the
// connection is back.
let refreshing = false;
let again = false;
export async function refresh() {
  const parts = [...document.querySelectorAll("[data-live]")];
  if (document.hidden) return;
  if (refreshing) {
    again = true;
    return;
  }
  refreshing = true;
  try {
    const answer = await fetch(location.href, { headers: { "x-part": "live" }, cache: "no-store" });
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      // That of before a restart of the server is refused.
      const token = page.querySelector("[name=csrf_token]")?.value;
      if (token) for (const field of document.querySelectorAll("[name=csrf_token]")) field.value = token;
      for (const part of parts) {
        // What somebody writes in, or has filled in and not sent yet, is left alone.
        if (part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) continue;
        if ([...part.querySelectorAll("input, textarea, select")].some(isFilledIn)) continue;
        const newer = page.querySelector(`[data-live="${CSS.escape(part.dataset.live)}"]`);
        if (!newer) continue;
        const opened = [...part.querySelectorAll("details[open][id]")].map((one) => one.id);
        const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
        for (const id of opened) newer.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
        part.replaceWith(document.adoptNode(newer));
        if (focused) document.getElementById(focused)?.focus();
      }
      freshenTimes();
      localClocks();
      document.dispatchEvent(new Event("renewed"));
    }
  } catch {
    // The chip says that the connection is lost.
  } finally {
    refreshing = false;
    if (again) {
      again = false;
      refresh();
    }
  }
}
on("alerts", (alerts) => {
  showStrip(alerts);
  // Many readers hear of it in the same moment: they do not ask in the same moment.
  if (document.querySelector("[data-live]")) setTimeout(refresh, Math.random() * 700);
});
let wasLost = false;
on("state", (state) => {
  if (state === "live" && wasLost) setTimeout(refresh, Math.random() * 700);
  wasLost = state === "lost";
});
on("snapshot", (snapshot) => snapshot.alerts && showStrip(snapshot.alerts));
// A part that is refreshed may come back without `data-every`: then it is finished.
let refreshedAt = performance.now();
setInterval(() => {
  const every = Math.min(...[...document.querySelectorAll("[data-every]")].map((part) => Number(part.dataset.every)));
  if (performance.now() - refreshedAt < every * 1000 - 100) return;
  refreshedAt = performance.now();
  refresh();
}, 500);
for (const part of document.querySelectorAll("[data-retry]")) setTimeout(() => location.reload(), part.dataset.retry * 1000);

// Keys. Each page adds its own by `keys`.
const help = document.getElementById("help");
document.getElementById("keys").addEventListener("click", () => help.showModal());
const own = new Map();
export function keys(handlers) {
  for (const [key, act] of Object.entries(handlers)) own.set(key, act);
}
let going = -Infinity; // by the clock of events, which says when a key was pressed, however late a busy page hears of it
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.matches("input, textarea, select") || help.open) return;
  // Enter is the browser's own on links, buttons and what unfolds.
  if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
  const page = document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`);
  if (event.timeStamp - going < 1500 && page) {
    going = -Infinity;
    event.preventDefault();
    page.click();
    return;
  }
  going = -Infinity;
  if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) {
    if (!moveCursor(event)) return;
  } else if (event.key === "?") help.showModal();
  else if (event.key === "g") going = event.timeStamp;
  else if (own.has(event.key)) own.get(event.key)(event);
  else return;
  event.preventDefault();
});

// j and k move through what is marked so.
function move(step) {
  const items = [...document.querySelectorAll("[data-item]")].filter((item) => item.offsetParent);
  if (!items.length) return;
  const at = items.findIndex((item) => item.contains(document.activeElement));
  const next = items[Math.min(Math.max(at + step, 0), items.length - 1)];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}
keys({ j: () => move(1), k: () => move(-1), Enter: (event) => event.target.matches("[data-item]") && event.target.querySelector("h3 a")?.click() });
