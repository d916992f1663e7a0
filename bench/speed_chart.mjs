// Draws the table of bench/speed_curves.sh: what a step, a prompt and a token cost as batch, length and threads grow.
// usage: node bench/speed_chart.mjs speed_curves.tsv >docs/images/speed_curves.svg
import {readFileSync} from "node:fs";

const [, ...lines] = readFileSync(process.argv[2], "utf8").trim().split("\n");
const rows = lines.map((line) => {
  const [curve, x, ...rates] = line.split("\t");
  const [rate, min, max] = rates.map(Number);
  return {curve, x: +x, rate, min, max};
});
const of = (curve) => rows.filter((row) => row.curve === curve).sort((a, b) => a.x - b.x);
const width = 780, height = 300, top = 34, bottom = 44, left = 52, gap = 24;
const panel = (width - gap) / 3;

// A round number of ticks up to `most`.
function ticks(most) {
  const unit = 10 ** Math.floor(Math.log10(most));
  const step = [0.2, 0.25, 0.5, 1, 2].map((f) => f * unit).find((value) => most / value <= 5) ?? 2 * unit;
  return Array.from({length: Math.floor(most / step + 1e-9) + 1}, (_, i) => +(i * step).toPrecision(6));
}

function draw(index, title, xLabel, series) {
  const points = series.flatMap((one) => one.points);
  const xMost = Math.max(...points.map((p) => p.x)), yMost = Math.max(...points.map((p) => p.high ?? p.y)) * 1.08;
  const x0 = index * (panel + gap / 2) + left, x1 = (index + 1) * panel + (index * gap) / 2 - 6;
  const x = (value) => x0 + (value / xMost) * (x1 - x0);
  const y = (value) => height - bottom - (value / yMost) * (height - bottom - top);
  const out = [`<text x="${x0}" y="18" fill="#111" font-weight="bold">${title}</text>`];
  for (const tick of ticks(yMost)) {
    out.push(`<path d="M${x0} ${y(tick).toFixed(1)}H${x1}" stroke="#e4e4e4"/>`,
      `<text x="${x0 - 6}" y="${(y(tick) + 4).toFixed(1)}" text-anchor="end" fill="#333">${tick}</text>`);
  }
  for (const tick of xMost <= 8 ? Array.from({length: xMost}, (_, i) => i + 1) : ticks(xMost)) {
    out.push(`<text x="${x(tick).toFixed(1)}" y="${height - bottom + 16}" text-anchor="middle" fill="#333">${tick}</text>`);
  }
  out.push(`<text x="${(x0 + x1) / 2}" y="${height - 8}" text-anchor="middle" fill="#333">${xLabel}</text>`);
  series.forEach(({label, color, points, dashed}, i) => {
    const path = points.map((p) => `${x(p.x).toFixed(1)},${y(p.y).toFixed(1)}`).join(" ");
    out.push(`<polyline fill="none" stroke="${color}" stroke-width="1.5"${dashed ? ' stroke-dasharray="4 4"' : ""} points="${path}"/>`);
    if (!dashed) for (const p of points) out.push(`<circle cx="${x(p.x).toFixed(1)}" cy="${y(p.y).toFixed(1)}" r="3" fill="${color}"><title>${label}, ${p.x}: ${p.y.toPrecision(4)}</title></circle>`);
    if (label) out.push(`<text x="${x0 + 8}" y="${top + 12 + 15 * i}" fill="${color}">${label}</text>`);
  });
  return out;
}

// The straight line with the least squared relative error.
function straight(points) {
  let s = 0, sx = 0, sxx = 0, sy = 0, sxy = 0;
  for (const {x, y} of points) {
    const w = 1 / (y * y);
    s += w, sx += w * x, sxx += w * x * x, sy += w * y, sxy += w * x * y;
  }
  const slope = (s * sxy - sx * sy) / (s * sxx - sx * sx), start = (sy - slope * sx) / s;
  const at = (x) => start + slope * x;
  const worst = Math.max(...points.map(({x, y}) => Math.abs(at(x) / y - 1)));
  return {at, worst};
}

const batch = of("batch").map(({x, rate}) => ({x, y: (1000 * x) / rate}));
const length = of("length").map(({x, rate}) => ({x, y: x / rate}));
const line = (points) => {
  const fit = straight(points), end = points.at(-1).x;
  return {label: `straight line, within ${(100 * fit.worst).toFixed(0)} %`, color: "#9a9a9a", dashed: true,
    points: [{x: 0, y: Math.max(0, fit.at(0))}, {x: end, y: fit.at(end)}]};
};
const scaling = (curve, label, color) => {
  const own = of(curve);
  return {label, color, points: own.map(({x, rate}) => ({x, y: rate / own[0].rate}))};
};
const out = [`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
  `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
  ...draw(0, "A step, ms", "sequences in step", [line(batch), {label: "", color: "#1668b8", points: batch}]),
  ...draw(1, "A prompt, s", "tokens", [line(length), {label: "", color: "#1668b8", points: length}]),
  ...draw(2, "Speed-up", "threads", [scaling("prefill 512", "prefill 512", "#1668b8"), scaling("decode 16", "decode, 16 in step", "#d08a1d"),
    scaling("decode", "decode, alone", "#555555")]),
  "</svg>"];
console.log(out.join("\n"));
