// The page Watch: the chart. The table behind it has the same numbers.
import { number, percent, language, word } from "./words.js";

document.getElementById("print").addEventListener("click", () => print());
const place = document.getElementById("chart");

// What a canvas can paint with: the colour as it is worked out where it is used, not the property's own text.
function colour(name, percent = 100) {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = `color-mix(in srgb, var(${name}) ${percent}%, transparent)`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function draw() {
  const series = JSON.parse(document.getElementById("series").textContent);
  const columns = [series.x, series.high, series.low, series.share, series.tweets];
  const clock = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });
  const isLong = series.x[series.x.length - 1] - series.x[0] > 2 * 86400;
  const tickClock = new Intl.DateTimeFormat(language, isLong ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const readOut = document.getElementById("read-out");
  const most = Math.max(1, ...series.tweets);

  function marks(u) {
    const { ctx, bbox } = u;
    ctx.save();
    for (const alert of series.alerts) {
      const left = u.valToPos(alert.from, "x", true);
      const right = Math.min(Math.max(u.valToPos(alert.to, "x", true), left + 3), bbox.left + bbox.width);
      ctx.fillStyle = colour(`--${alert.severity}-ground`);
      ctx.fillRect(left, bbox.top, right - left, bbox.height);
      ctx.fillStyle = colour(`--${alert.severity}`);
      ctx.fillRect(left, bbox.top, right - left, 3 * devicePixelRatio);
    }
    ctx.restore();
  }

  function models(u) {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.strokeStyle = colour("--ink");
    ctx.fillStyle = colour("--ink");
    ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.setLineDash([4, 4]);
    let last = -Infinity;
    let lines = 0;
    for (const model of series.models) {
      const at = u.valToPos(model.at, "x", true);
      ctx.beginPath();
      ctx.moveTo(at, bbox.top);
      ctx.lineTo(at, bbox.top + bbox.height);
      ctx.stroke();
      // Labels that would lie on one another go below one another.
      lines = at - last < 70 * devicePixelRatio ? lines + 1 : 0;
      last = at;
      ctx.fillText(word("model {version}", { version: model.version }), at + 4, bbox.top + (14 + 14 * (lines % 6)) * devicePixelRatio);
    }
    ctx.restore();
  }

  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 }, font: "12px system-ui, sans-serif" };
  const chart = new uPlot({
    width: place.clientWidth,
    height: 320,
    legend: { show: false },
    cursor: { drag: { setScale: false, x: false, y: false }, points: { size: 8 } },
    scales: { share: { range: [0, 1] }, tweets: { range: [0, most * 3] } },
    bands: [{ series: [1, 2], fill: colour("--band", 60) }],
    series: [
      {},
      { scale: "share", stroke: "transparent", points: { show: false } },
      { scale: "share", stroke: "transparent", points: { show: false } },
      { scale: "share", stroke: colour("--negative"), width: 2, spanGaps: false, points: { size: 4 } },
      { scale: "tweets", fill: colour("--bar"), stroke: "transparent", paths: uPlot.paths.bars({ size: [0.7, 40] }), points: { show: false } },
    ],
    axes: [
      { ...axis, values: (_u, ticks) => ticks.map((tick) => tickClock.format(tick * 1000)), space: 90 },
      { ...axis, scale: "share", values: (_u, ticks) => ticks.map(percent), size: 56 },
      { ...axis, scale: "tweets", side: 1, grid: { show: false }, ticks: { show: false }, values: (_u, ticks) => ticks.map((tick) => (tick <= most ? number(tick) : "")), size: 64 },
    ],
    hooks: {
      drawClear: [marks],
      draw: [models],
      setCursor: [(u) => {
        const at = u.cursor.idx;
        if (at === null || at === undefined) return;
        const usual = series.low[at] === null ? "" : `, ${word("usual")} ${percent(series.low[at])} – ${percent(series.high[at])}`;
        const share = series.share[at] === null ? word("no tweets") : `${percent(series.share[at])} ${word("negative")}${usual}, ${number(series.tweets[at])} ${word("tweets")}`;
        readOut.textContent = `${clock.format(series.x[at] * 1000)} · ${share}`;
      }],
    },
  }, columns, place);
  place.querySelector("canvas").setAttribute("aria-hidden", "true");

  let at = series.x.length - 1;
  function moveTo(next) {
    at = Math.min(Math.max(next, 0), series.x.length - 1);
    chart.setCursor({ left: chart.valToPos(series.x[at], "x"), top: 10 });
  }
  function drill() {
    const middle = series.x[at] + (series.x[1] - series.x[0]) / 2;
    location.href = `${place.dataset.drill}&at=${Math.round(middle)}`;
  }
  function onKey(event) {
    if (event.key === "ArrowLeft") moveTo(at - 1);
    else if (event.key === "ArrowRight") moveTo(at + 1);
    else if (event.key === "Home") moveTo(0);
    else if (event.key === "End") moveTo(series.x.length - 1);
    else if (event.key === "Enter") drill();
    else return;
    event.preventDefault();
  }
  function onClick() {
    if (chart.cursor.idx === null || chart.cursor.idx === undefined) return;
    at = chart.cursor.idx;
    drill();
  }
  return { chart, onKey, onClick };
}

if (place && window.uPlot) {
  let drawing = draw();
  place.addEventListener("keydown", (event) => drawing.onKey(event));
  place.addEventListener("click", () => drawing.onClick());
  new ResizeObserver(() => drawing.chart.setSize({ width: place.clientWidth, height: 320 })).observe(place);
  const again = () => {
    drawing.chart.destroy();
    drawing = draw();
  };
  let drawn = document.getElementById("series").textContent;
  document.addEventListener("renewed", () => {
    const newer = document.getElementById("series").textContent;
    // Nothing moves under the cursor of somebody who reads.
    if (newer === drawn || place.matches(":hover, :focus")) return;
    drawn = newer;
    again();
  });
  new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  for (const media of ["(prefers-color-scheme: dark)", "print"]) matchMedia(media).addEventListener("change", again);
}
