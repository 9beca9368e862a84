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
