// The page Now: cards and feed follow the stream.
import { language, number, percent, word } from "./words.js";
import { on } from "./stream.js";
import { reads } from "./plots.js";
import { freshenTimes, keys } from "./room.js";

const MOST_ROWS = 60;
const ROW_MS = 250; // four rows a second can be followed, more cannot be read
const BURST = 12;
const LEFT_MS = 800;
const GLYPHS = { negative: "▼", neutral: "●", positive: "▲" };
const MOODS = { critical: "◆", warning: "▲", info: "●", pending: "…", above: "△", calm: "✓", idle: "○" };
const MOOD_WORDS = { critical: word("critical"), warning: word("warning"), info: word("info"), pending: word("pending"), above: word("above usual"), calm: word("as usual"), idle: word("no tweets") };
const SENTIMENTS = { negative: word("negative"), neutral: word("neutral"), positive: word("positive") };
const SVG = "http://www.w3.org/2000/svg";
const cards = new Map([...document.querySelectorAll(".card")].map((card) => [card.dataset.watch, card]));
const sparks = new Map([...cards].map(([name, card]) => [name, JSON.parse(card.dataset.spark)]));
let alerts = null;
let newest = null;
let drawing = false;

// Cards

const minuteClock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
for (const [name, card] of cards) {
  const points = sparks.get(name);
  reads(card.querySelector(".plot"), {
    count: () => points.length,
    place: (at) => (at + 0.4) / points.length,
    text: (at) => {
      const minute = Number(card.dataset.minute) - 60 * (points.length - 1 - at);
      return `${minuteClock.format(minute * 1000)} ${word("tweets")} ${number(points[at][0])}, ${word("negative")} ${number(points[at][1])}`;
    },
  });
}

function set(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

function moodOf(watch) {
  if (alerts) {
    const open = alerts.filter((one) => one.watch === watch.name && !one.theme);
    const firing = open.filter((one) => one.state === "firing");
    for (const severity of ["critical", "warning", "info"]) if (firing.some((one) => one.severity === severity)) return severity;
    if (open.length) return "pending";
  } else if (!["above", "calm", "idle"].includes(cards.get(watch.name).dataset.mood)) return cards.get(watch.name).dataset.mood;
  if (watch.score) return "above";
  return watch.counted ? "calm" : "idle";
}

function drawSpark(card, points) {
  const peak = Math.max(...points.map(([total]) => total));
  const most = Math.max(5, peak);
  set(card.querySelector("[data-field=peak]"), number(peak));
  const bars = document.createDocumentFragment();
  points.forEach(([total, negative], at) => {
    for (const [kind, count] of [["all", total], ["bad", negative]]) {
      if (!count) continue;
      const bar = document.createElementNS(SVG, "rect");
      const height = (36 * count) / most;
      bar.setAttribute("class", kind);
      bar.setAttribute("x", at * 4);
      bar.setAttribute("width", 3);
      bar.setAttribute("y", 36 - height);
      bar.setAttribute("height", height);
      bars.append(bar);
    }
  });
  card.querySelector(".spark").replaceChildren(bars);
}

function grow(card, watch) {
  const points = sparks.get(watch.name);
  let minute = Number(card.dataset.minute);
  let changed = false;
  while (minute < watch.open_minute) {
    points.shift();
    points.push([0, 0]);
    minute += 60;
    changed = true;
  }
  card.dataset.minute = minute;
  const last = points[points.length - 1];
  if (last[0] !== watch.minute[0] || last[1] !== watch.minute[1]) {
    points[points.length - 1] = watch.minute;
    changed = true;
  }
  if (changed) drawSpark(card, points);
}

function showWatch(watch) {
  const card = cards.get(watch.name);
  if (!card) return;
  const field = (name) => card.querySelector(`[data-field="${name}"]`);
  set(field("share"), percent(watch.share));
  if (watch.usual !== null) set(field("band"), watch.counted ? `${percent(watch.low)} – ${percent(watch.high)}` : percent(watch.usual));
  set(field("counted"), number(watch.counted));
  set(field("window"), watch.window);
  set(field("rate"), number(watch.per_minute));
  set(field("score"), String(watch.score));
  const meter = card.querySelector(".meter");
  meter.querySelector(".band").setAttribute("x", watch.low * 200);
  meter.querySelector(".band").setAttribute("width", watch.usual === null || !watch.counted ? 0 : (watch.high - watch.low) * 200);
  const needle = meter.querySelector(".needle");
  needle.setAttribute("x", (watch.share ?? 0) * 197);
  needle.setAttribute("visibility", watch.share === null ? "hidden" : "visible");
  const mood = moodOf(watch);
  if (card.dataset.mood !== mood) {
    card.classList.replace(card.dataset.mood, mood);
    card.dataset.mood = mood;
    set(card.querySelector(".glyph"), MOODS[mood]);
    set(card.querySelector(".mood-word"), MOOD_WORDS[mood]);
  }
  grow(card, watch);
}

function showThemes(themes) {
  const list = document.getElementById("themes");
  const said = JSON.stringify(themes);
  if (list.dataset.said === said) return;
  list.dataset.said = said;
  list.replaceChildren(...themes.map((theme) => {
    const item = document.createElement("li");
    const link = document.createElement("a");
    const name = document.createElement("strong");
    const of = document.createElement("span");
    name.textContent = theme.theme;
    of.textContent = theme.watch;
    link.href = `${list.dataset.page}?` + new URLSearchParams({ watch: theme.watch, theme: theme.theme });
    link.append(name, " ", of);
    const count = document.createElement("span");
    count.className = "number";
    count.textContent = number(theme.negative);
    const usual = document.createElement("span");
    usual.className = "hint number";
    usual.textContent = `${word("usual")} ${number(theme.usual)}`;
    item.append(link, " ", count, " ", usual);
    return item;
  }));
  if (!themes.length) {
    const none = document.createElement("li");
    none.className = "hint";
    none.textContent = list.dataset.none;
    list.append(none);
  }
}

function draw() {
  drawing = false;
  if (!newest) return;
  for (const watch of newest.watches ?? []) showWatch(watch);
  if (newest.themes) showThemes(newest.themes);
  if (newest.per_minute !== undefined) set(document.getElementById("rate"), number(newest.per_minute));
}

function drawSoon() {
  if (!drawing) {
    drawing = true;
    requestAnimationFrame(draw);
  }
}

// Feed: rows are moved by transforms, so that nothing on the page shifts when new ones come.

const view = document.getElementById("rows");
const list = view.querySelector("ol");
const template = document.getElementById("row").content.firstElementChild;
const pauseButton = document.getElementById("pause");
const filter = view.dataset;
const shown = new Set([...list.children].map((row) => row.dataset.id).filter(Boolean));
let waiting = [];
let skipped = 0;
let isPaused = false;
let isReading = false;
view.classList.add("laid");

// Heights are measured once a row, and again when the width changes.
const heights = new WeakMap();
const calm = matchMedia("(prefers-reduced-motion: reduce)");

function lay() {
  const rows = [...list.children];
  for (const row of rows) if (!heights.has(row)) heights.set(row, row.offsetHeight);
  let top = 0;
  for (const row of rows) {
    const place = `translateY(${top}px)`;
    if (row.style.transform !== place) row.style.transform = place;
    top += heights.get(row);
  }
  list.style.height = `${top}px`;
}

function layAnew() {
  for (const row of list.children) heights.delete(row);
  lay();
}

function rowOf(tweet) {
  const row = template.cloneNode(true);
  row.dataset.id = tweet.id;
  row.dataset.tweet = tweet.tweet;
  row.className = `tweet ${tweet.s}`;
  const mood = row.querySelector(".mood");
  mood.className = `mood ${tweet.s}`;
  mood.textContent = `${GLYPHS[tweet.s]} ${SENTIMENTS[tweet.s]}${tweet.c === null ? "" : ` ${percent(tweet.c)}`}`;
  const tags = row.querySelector(".tags");
  for (const [names, kind] of [[tweet.w, "tag"], [tweet.th, "tag theme"]]) {
    for (const name of names) {
      const tag = document.createElement("span");
      tag.className = kind;
      tag.textContent = name;
      tags.append(tag);
    }
  }
  const time = row.querySelector("time");
  time.dateTime = tweet.at;
  row.querySelector(".text").textContent = tweet.text;
  row.dataset.shown = performance.timeOrigin + performance.now();
  return row;
}

function fits(tweet) {
  return (!filter.watch || tweet.w.includes(filter.watch))
    && (!filter.theme || tweet.th.includes(filter.theme))
    && (!filter.sentiment || tweet.s === filter.sentiment);
}

function held() {
  return isPaused || isReading;
}

function showPause() {
  const count = waiting.length + (held() ? heldBack : 0);
  pauseButton.setAttribute("aria-pressed", String(isPaused));
  let said = isPaused ? word("Go on") : word("Pause");
  if (held() && count) said = word("{n} new", { n: number(count) });
  set(pauseButton, said);
}

let heldBack = 0;
let shownAt = 0;

// New ones come first, so that what is shown is of now; what is left of a burst follows while nothing newer comes.
function take(tweets, more) {
  const now = performance.now();
  const fitting = tweets.filter((tweet) => fits(tweet) && !shown.has(tweet.id));
  skipped += more;
  waiting = [...fitting.map((tweet) => ({ tweet, since: now })), ...waiting];
  const kept = held() ? waiting.slice(0, MOST_ROWS) : waiting.slice(0, BURST).filter(({ since }) => now - since < LEFT_MS);
  skipped += waiting.length - kept.length;
  if (held()) heldBack += more + waiting.length - kept.length;
  waiting = kept;
  showNext();
}

function showNext() {
  if (held()) {
    showPause();
    return;
  }
  if (performance.now() - shownAt >= ROW_MS - 20) flush(waiting.length > 3 ? 2 : 1);
}
setInterval(() => waiting.length && showNext(), ROW_MS);

function trim() {
  while (list.children.length > MOST_ROWS) {
    shown.delete(list.lastElementChild.dataset.id);
    list.lastElementChild.remove();
  }
}

function flush(most) {
  const next = waiting.slice(0, most).map(({ tweet }) => tweet);
  waiting = waiting.slice(most);
  heldBack = 0;
  if (next.length) {
    shownAt = performance.now();
    const rows = next.map(rowOf);
    for (const tweet of next) shown.add(tweet.id);
    list.prepend(...rows);
    trim();
    for (const row of rows) freshenTimes(row);
    lay();
    // The whole list slides, as one layer.
    const came = rows.reduce((sum, row) => sum + heights.get(row), 0);
    if (!calm.matches && rows.length <= 3) list.animate([{ transform: `translateY(${-came}px)` }, { transform: "none" }], { duration: 160, easing: "ease-out" });
    document.getElementById("empty")?.setAttribute("hidden", "");
  }
  set(document.getElementById("more"), number(skipped));
  showPause();
}

// What waited: a screenful at once, the rest behind it once that is painted, so that the key is answered at once.
function goOn() {
  view.scrollTop = 0;
  const rest = waiting.slice(BURST);
  waiting = waiting.slice(0, BURST);
  flush(BURST);
  if (rest.length) requestAnimationFrame(() => setTimeout(() => append(rest.map(({ tweet }) => tweet)), 0));
}

function append(tweets) {
  const rows = tweets.filter((tweet) => !shown.has(tweet.id)).slice(0, Math.max(MOST_ROWS - BURST, 0)).map(rowOf);
  const at = list.children[BURST] ?? null;
  for (const row of rows) {
    shown.add(row.dataset.id);
    list.insertBefore(row, at);
    freshenTimes(row);
  }
  trim();
  lay();
}

function pause(on) {
  isPaused = on;
  if (!held()) goOn();
  showPause();
}
pauseButton.addEventListener("click", () => {
  if (!isPaused && isReading) {
    isReading = false;
    goOn();
  } else pause(!isPaused);
});
keys({ p: () => pause(!isPaused) });

function reading() {
  const now = view.scrollTop > 8 || view.matches(":hover") || view.contains(document.activeElement);
  if (now !== isReading) {
    isReading = now;
    if (!held()) goOn();
    showPause();
  }
}
for (const kind of ["scroll", "pointerenter", "pointerleave", "focusin", "focusout"]) {
  view.addEventListener(kind, () => setTimeout(reading, 0), { passive: true });
}
new ResizeObserver(layAnew).observe(view);
lay();

on("frame", (frame) => {
  if (frame.watches) newest = { ...frame, tweets: null };
  if (document.hidden) {
    skipped += frame.more + frame.tweets.length;
    return;
  }
  drawSoon();
  take(frame.tweets, frame.more);
  trouble(frame.trouble);
});
on("snapshot", (snapshot) => {
  if (snapshot.alerts) alerts = snapshot.alerts;
  if (snapshot.watches) newest = snapshot;
  drawSoon();
  const fresh = snapshot.tweets.filter((tweet) => !shown.has(tweet.id) && fits(tweet));
  if (shown.size && fresh.length) take(fresh.slice(0, BURST), 0);
});
on("forget", (ids) => {
  const gone = new Set(ids);
  waiting = waiting.filter(({ tweet }) => !gone.has(tweet.id) && !gone.has(tweet.tweet));
  for (const row of [...list.children]) if (gone.has(row.dataset.id) || gone.has(row.dataset.tweet)) row.remove();
  lay();
});
on("alerts", (now) => {
  alerts = now;
  drawSoon();
});
on("missed", (count) => {
  view.dataset.missed = Number(view.dataset.missed ?? 0) + count;
});
document.addEventListener("visibilitychange", () => !document.hidden && drawSoon());

const TROUBLES = {
  "Kafka does not answer: no new tweets are shown": word("Kafka does not answer: no new tweets are shown"),
  "what keeps this page fresh has ended and is started again: the log says more": word("what keeps this page fresh has ended and is started again: the log says more"),
};

function trouble(what) {
  let line = document.getElementById("trouble");
  if (!what) {
    line?.remove();
    return;
  }
  if (!line) {
    line = document.createElement("p");
    line.id = "trouble";
    line.className = "said wrong";
    line.setAttribute("role", "status");
    document.querySelector("main").prepend(line);
  }
  set(line, TROUBLES[what] ?? what.replace("counters and alerts stand still", word("counters and alerts stand still")));
}
