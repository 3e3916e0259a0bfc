// What scripts say, in the reader's language. The English is the key; dashboard/html/french.json has the French.
const element = document.getElementById("words");
const words = element ? JSON.parse(element.textContent) : {};
export const language = document.documentElement.lang;

export function word(text, values = {}) {
  const said = words[text] ?? text;
  return said.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

const whole = new Intl.NumberFormat(language);
const percentages = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });

export function number(value) {
  return whole.format(value);
}

export function percent(value) {
  return value === null || value === undefined ? "–" : percentages.format(value);
}

export function ago(ms, now = Date.now()) {
  const seconds = (now - ms) / 1000;
  const size = Math.abs(seconds);
  let span = `${Math.floor(size)} s`;
  if (size >= 86400) span = `${Math.floor(size / 86400)} ${word("d")}`;
  else if (size >= 3600) span = `${Math.floor(size / 3600)} ${word("h")}`;
  else if (size >= 60) span = `${Math.floor(size / 60)} ${word("min")}`;
  return seconds >= -1 ? word("{span} ago", { span }) : word("in {span}", { span });
}
