// On every page: notifications of the browser and a sound when an alert fires. Both are off until somebody switches them
// on, on the page Alerts.
import { language, word } from "./words.js";
import { on } from "./stream.js";

const SWITCHES = ["notify", "sound"];
const ONE_TAB_MS = 3000;

function isOn(name) {
  return localStorage.getItem(`buzzwatch.${name}`) === "on";
}

function show() {
  for (const name of SWITCHES) {
    const button = document.getElementById(name);
    if (!button) continue;
    button.setAttribute("aria-pressed", String(isOn(name)));
    button.querySelector(".state").textContent = isOn(name) ? button.dataset.on : button.dataset.off;
  }
}

function turn(name) {
  localStorage.setItem(`buzzwatch.${name}`, isOn(name) ? "off" : "on");
  show();
}

document.getElementById("notify")?.addEventListener("click", async (event) => {
  const button = event.currentTarget;
  const may = isOn("notify") || ("Notification" in window && (await Notification.requestPermission()) === "granted");
  const refused = document.getElementById("notify-refused");
  refused.textContent = may ? "" : word("The browser does not allow it for this address");
  if (may) turn("notify");
  button.focus();
});
document.getElementById("sound")?.addEventListener("click", () => {
  turn("sound");
  if (isOn("sound")) beep();
});
addEventListener("storage", show); // another tab has switched
show();

let known = null;
function loudOf(alerts) {
  return alerts.filter((one) => one.state === "firing" && !one.silenced && !one.inhibited);
}
on("snapshot", (snapshot) => {
  if (snapshot.alerts) known = new Set(loudOf(snapshot.alerts).map((one) => one.fingerprint));
});
on("alerts", (alerts) => {
  const loud = loudOf(alerts);
  const fresh = known ? loud.filter((one) => !known.has(one.fingerprint)) : [];
  known = new Set(loud.map((one) => one.fingerprint));
  if (fresh.length && SWITCHES.some(isOn)) inOneTab(() => tell(fresh));
});

// Each tab hears of it; the first one to take the lock is the one that tells.
function inOneTab(act) {
  if (!navigator.locks) {
    act();
    return;
  }
  navigator.locks.request(`buzzwatch-alarm${document.body.dataset.path}`, { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    act();
    await new Promise((resolve) => setTimeout(resolve, ONE_TAB_MS));
  });
}

function tell(alerts) {
  if (isOn("sound")) beep();
  if (!isOn("notify") || !("Notification" in window) || Notification.permission !== "granted") return;
  for (const alert of alerts) {
    try {
      const shown = new Notification(`${word("Alert")}: ${alert.name} ${alert.watch}`, { body: language === "fr" ? alert.summary_fr : alert.summary, tag: alert.fingerprint });
      shown.onclick = () => {
        window.focus();
        location.href = `${document.body.dataset.path}room/alerts/${alert.fingerprint}`;
      };
    } catch {
      return; // a phone's browser lets a service worker alone do it
    }
  }
}

function beep() {
  const audio = new AudioContext();
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  tone.frequency.value = 660;
  volume.gain.setValueAtTime(0.2, audio.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.4);
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.4);
  tone.onended = () => audio.close();
}
