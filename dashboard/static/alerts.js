// The page Alerts: keys, notifications of the browser, sound. Both are off until somebody switches them on.
import { word } from "./words.js";
import { on } from "./stream.js";
import { keys } from "./room.js";

function focused() {
  const items = [...document.querySelectorAll("[data-item]")];
  return items.find((item) => item.contains(document.activeElement)) ?? items[0];
}

keys({
  e: () => {
    const alert = focused();
    const form = alert?.querySelector("form:has(.acknowledge)");
    if (!form) return;
    const who = form.querySelector("[name=who]");
    if (who.value) form.requestSubmit();
    else who.focus();
  },
  s: () => {
    const details = focused()?.querySelector(".silence-these");
    if (!details) return;
    details.open = true;
    details.querySelector("[name=comment]").focus();
  },
  Enter: (event) => event.target.matches("[data-item]") && event.target.querySelector("h3 a")?.click(),
});

const notify = document.getElementById("notify");
const sound = document.getElementById("sound");

function show() {
  for (const [button, name] of [[notify, "notify"], [sound, "sound"]]) {
    if (!button) continue;
    const isOn = localStorage.getItem(`buzzwatch.${name}`) === "on";
    button.setAttribute("aria-pressed", String(isOn));
    button.querySelector(".state").textContent = isOn ? button.dataset.on : button.dataset.off;
  }
}

notify?.addEventListener("click", async () => {
  const isOn = localStorage.getItem("buzzwatch.notify") === "on";
  if (!isOn && (await Notification.requestPermission()) !== "granted") {
    notify.title = word("The browser does not allow it for this address");
    return;
  }
  localStorage.setItem("buzzwatch.notify", isOn ? "off" : "on");
  show();
});
sound?.addEventListener("click", () => {
  const isOn = localStorage.getItem("buzzwatch.sound") === "on";
  localStorage.setItem("buzzwatch.sound", isOn ? "off" : "on");
  if (!isOn) beep();
  show();
});
show();

let known = null;
on("alerts", (alerts) => {
  const loud = alerts.filter((one) => one.state === "firing" && !one.silenced && !one.inhibited);
  const fresh = known ? loud.filter((one) => !known.has(one.fingerprint)) : [];
  known = new Set(loud.map((one) => one.fingerprint));
  if (!fresh.length) return;
  if (localStorage.getItem("buzzwatch.sound") === "on") beep();
  if (localStorage.getItem("buzzwatch.notify") === "on" && Notification.permission === "granted") {
    for (const alert of fresh) {
      const shown = new Notification(`${word("Alert")}: ${alert.name} ${alert.watch}`, { body: alert.summary, tag: alert.fingerprint });
      shown.onclick = () => {
        window.focus();
        location.href = `${document.body.dataset.path}room/alerts/${alert.fingerprint}`;
      };
    }
  }
});
on("snapshot", (snapshot) => {
  if (snapshot.alerts) known = new Set(snapshot.alerts.filter((one) => one.state === "firing").map((one) => one.fingerprint));
});

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
