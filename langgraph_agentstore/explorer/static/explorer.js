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
