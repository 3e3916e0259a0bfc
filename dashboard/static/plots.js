// On every page: the small charts that the server draws. Arrow keys and the pointer move a cursor through what is marked
// `.hit`, and the line below reads it out; the table behind the chart has the same numbers.
const readers = new WeakMap();
const places = new Map();

// For a chart without `.hit`: how many points it has, where each is (0 to 1) and what it says.
export function reads(plot, reader) {
  readers.set(plot, reader);
}

function ofHits(plot) {
  const hits = [...plot.querySelectorAll(".hit")];
  const width = plot.querySelector("svg").viewBox.baseVal.width;
  const box = (hit) => hit.getBBox();
  return {
    count: () => hits.length,
    place: (at) => (box(hits[at]).x + box(hits[at]).width / 2) / width,
    text: (at) => hits[at].querySelector("title").textContent,
  };
}

function readerOf(plot) {
  if (!readers.has(plot)) reads(plot, ofHits(plot));
  return readers.get(plot);
}

function show(plot, at) {
  const reader = readerOf(plot);
  const ends = plot.parentElement.querySelector(".read-out").parentElement;
  places.set(plot.id, at);
  let cursor = plot.querySelector(".cursor");
  if (!cursor) {
    cursor = document.createElement("span");
    cursor.className = "cursor";
    plot.append(cursor);
  }
  cursor.style.insetInlineStart = `${reader.place(at) * 100}%`;
  ends.classList.add("reading");
  ends.querySelector(".read-out").textContent = reader.text(at);
}

function hide(plot) {
  plot.querySelector(".cursor")?.remove();
  const ends = plot.parentElement.querySelector(".read-out").parentElement;
  ends.classList.remove("reading");
  ends.querySelector(".read-out").textContent = "";
}

// The key moves the cursor of the chart in focus, or of the one that the item in focus has; whether there is one.
export function moveCursor(event) {
  const plot = event.target.matches(".plot, [data-item]") && (event.target.closest(".plot") ?? event.target.querySelector(".plot"));
  const last = plot ? readerOf(plot).count() - 1 : -1;
  if (last < 0) return false;
  const before = plot.querySelector(".cursor") ? places.get(plot.id) : last + 1;
  const next = { ArrowLeft: before - 1, ArrowRight: before + 1, Home: 0, End: last }[event.key];
  show(plot, Math.min(Math.max(next, 0), last));
  return true;
}

document.addEventListener("pointermove", (event) => {
  const plot = event.target.closest?.(".plot");
  const count = plot ? readerOf(plot).count() : 0;
  if (!count) return;
  const box = plot.getBoundingClientRect();
  const at = (event.clientX - box.left) / box.width;
  let nearest = 0;
  for (let one = 1; one < count; one++) if (Math.abs(readerOf(plot).place(one) - at) < Math.abs(readerOf(plot).place(nearest) - at)) nearest = one;
  show(plot, nearest);
}, { passive: true });
for (const kind of ["pointerout", "focusout"]) {
  document.addEventListener(kind, (event) => {
    for (const plot of event.target.closest?.(".plot, [data-item]")?.parentElement.querySelectorAll(".plot:has(.cursor)") ?? []) {
      if (!plot.contains(event.relatedTarget)) hide(plot);
    }
  });
}
