// The page Review: a key presses its button, once.
import { keys } from "./room.js";

let isSent = false;
for (const button of document.querySelectorAll("[data-press]")) {
  keys({
    [button.dataset.press]: () => {
      // A second press while the first one is on its way is none.
      if (isSent) return;
      if (button.form.reportValidity()) {
        isSent = true;
        button.form.requestSubmit(button);
      }
    },
  });
}
