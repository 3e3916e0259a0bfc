// The page Alerts: its keys.
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
});
