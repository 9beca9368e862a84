"use strict";

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function drawGrowth(element) {
  const data = JSON.parse(element.dataset.growth);
  const axis = () => ({ stroke: () => color("--quiet"), grid: { stroke: () => color("--line") }, ticks: { stroke: () => color("--line") } });
  const chart = new uPlot({
    width: element.clientWidth,
    height: 230,
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    axes: [axis(), { ...axis(), size: 70, values: (_, ticks) => ticks.map((n) => n.toLocaleString("en")) }],
    scales: { y: { range: (_, low, high) => [0, Math.max(high, 1) * 1.05] } },
    series: [{}, { stroke: () => color("--accent"), width: 2 }],
  }, data, element);
  addEventListener("resize", () => chart.setSize({ width: element.clientWidth, height: 230 }));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.redraw());
}

for (const element of document.querySelectorAll("[data-growth]")) drawGrowth(element);

const SVG = "http://www.w3.org/2000/svg";

// The list of items is the data: a point for each of its rows, which opens what the row's link opens.
function drawMap(element) {
  const rows = [...document.getElementById(element.dataset.map).children];
  const said = document.querySelector("[data-pointed]");
  const plane = document.createElementNS(SVG, "svg");
  plane.setAttribute("viewBox", "-20 -20 1040 1040");
  plane.setAttribute("aria-hidden", "true");
  const circles = rows.map((row, n) => {
    const circle = document.createElementNS(SVG, "circle");
    circle.setAttribute("cx", row.dataset.x);
    circle.setAttribute("cy", row.dataset.y);
    circle.setAttribute("class", `c${row.dataset.color}`);
    circle.dataset.row = n;
    return circle;
  });
  const ring = document.createElementNS(SVG, "circle");
  ring.setAttribute("class", "ring");
  const size = () => {
    const radius = Math.min(14, Math.max(5, 4500 / Math.max(element.clientWidth, 1)));
    for (const circle of circles) circle.setAttribute("r", radius);
    ring.setAttribute("r", 2 * radius);
  };
  const point = (n) => {
    ring.setAttribute("cx", rows[n].dataset.x);
    ring.setAttribute("cy", rows[n].dataset.y);
    said.textContent = rows[n].textContent.replace(/\s+/g, " ").trim();
  };
  const of = (event) => (event.target.dataset.row === undefined ? null : Number(event.target.dataset.row));
  plane.addEventListener("pointermove", (event) => { if (of(event) !== null) point(of(event)); });
  plane.addEventListener("click", (event) => { if (of(event) !== null) rows[of(event)].querySelector("a").click(); });
  rows.forEach((row, n) => row.addEventListener("focusin", () => point(n)));
  plane.append(...circles, ring);
  element.append(plane);
  size();
  addEventListener("resize", size);
}

for (const element of document.querySelectorAll("[data-map]")) drawMap(element);

const made = (name, text, kind = "") => Object.assign(document.createElement(name), { textContent: text, className: kind });

// Whatever comes is text: it is only ever set as text content.
function changeRow(change) {
  const row = made("li", "");
  const link = Object.assign(made("a", change.key), { href: change.href });
  row.append(made("time", change.at, "quiet"), " ", made("strong", change.what), " ", link, " ", made("small", change.namespace, "quiet"));
  if (change.text) row.append(made("p", change.text, "found"));
  return row;
}

function followChanges(list) {
  const status = document.querySelector("[data-live-status]");
  const stop = document.querySelector("[data-live-stop]");
  const source = new EventSource(list.dataset.live);
  const end = (reason) => { source.close(); status.textContent = reason; stop.hidden = true; };
  const on = (name, act) => source.addEventListener(name, (event) => act(JSON.parse(event.data)));
  const add = (row) => {
    list.prepend(row);
    while (list.children.length > Number(list.dataset.most)) list.lastChild.remove();
  };
  status.textContent = "Connecting…";
  on("begun", () => { status.textContent = "Watching: changes appear here."; stop.hidden = false; });
  on("change", (change) => add(changeRow(change)));
  on("skipped", ({ changes }) => add(made("li", `${changes.toLocaleString("en")} earlier changes are not shown.`, "quiet")));
  on("away", ({ reason }) => { status.textContent = `Waiting for the database: ${reason}`; });
  on("ended", ({ reason }) => end(reason));
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) end("Changes cannot be shown. Reload this page to try again.");
    else status.textContent = "The connection was lost. Trying again; changes meanwhile are not shown.";
  };
  stop.addEventListener("click", () => end("Stopped. Reload this page to go on."));
  addEventListener("pagehide", () => source.close());
}

for (const element of document.querySelectorAll("[data-live]")) followChanges(element);
