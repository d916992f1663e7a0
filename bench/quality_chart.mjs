// Draws the table of bench/quality_per_byte.sh: bits per weight against mean KL divergence, logarithmic.
// usage: node bench/quality_chart.mjs quality_per_byte.tsv >docs/images/quality_per_byte.svg
import {readFileSync} from "node:fs";

const [header, ...lines] = readFileSync(process.argv[2], "utf8").trim().split("\n").map((line) => line.split("\t"));
const rows = lines.map((line) => Object.fromEntries(header.map((name, i) => [name, line[i]])));
const series = [
  ["llama.cpp", "llama.cpp", "#9a9a9a"],
  ["llama.cpp-imatrix", "llama.cpp, importance matrix", "#555555"],
  ["gptq", "Dragoman, error feedback, same types", "#d08a1d"],
  ["chosen", "Dragoman, types chosen for the size", "#1668b8"],
];
const width = 760, height = 430, left = 64, right = 16, top = 16, bottom = 44;
const bits = rows.map((row) => +row.bits_per_weight), kls = rows.map((row) => +row.mean_kl);
const [x0, x1] = [Math.floor(Math.min(...bits) * 5) / 5, Math.ceil(Math.max(...bits) * 5) / 5];
const [y0, y1] = [Math.log10(Math.min(...kls) * 0.85), Math.log10(Math.max(...kls) * 1.15)];
const x = (value) => left + ((value - x0) / (x1 - x0)) * (width - left - right);
const y = (value) => top + ((y1 - Math.log10(value)) / (y1 - y0)) * (height - top - bottom);
const out = [`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
  `<rect width="${width}" height="${height}" fill="#ffffff"/>`];
for (const kl of [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5]) {
  if (Math.log10(kl) < y0 || Math.log10(kl) > y1) continue;
  out.push(`<path d="M${left} ${y(kl).toFixed(1)}H${width - right}" stroke="#e4e4e4"/>`,
    `<text x="${left - 8}" y="${(y(kl) + 4).toFixed(1)}" text-anchor="end" fill="#333">${kl}</text>`);
}
for (let value = Math.ceil(x0 * 2) / 2; value <= x1; value += 0.5) {
  out.push(`<text x="${x(value).toFixed(1)}" y="${height - bottom + 18}" text-anchor="middle" fill="#333">${value}</text>`);
}
out.push(`<text x="${(left + width) / 2}" y="${height - 6}" text-anchor="middle" fill="#333">bits per weight, whole file</text>`,
  `<text transform="translate(14 ${height / 2}) rotate(-90)" text-anchor="middle" fill="#333">mean KL divergence, nats a token</text>`);
series.forEach(([who, label, color], i) => {
  const own = rows.filter((row) => row.who === who).sort((a, b) => a.bits_per_weight - b.bits_per_weight);
  if (who === "chosen") {
    out.push(`<polyline fill="none" stroke="${color}" points="${own.map((row) => `${x(row.bits_per_weight).toFixed(1)},${y(row.mean_kl).toFixed(1)}`).join(" ")}"/>`);
  }
  for (const row of own) {
    out.push(`<circle cx="${x(row.bits_per_weight).toFixed(1)}" cy="${y(row.mean_kl).toFixed(1)}" r="4" fill="${color}"><title>${label}, ${row.type}: ${row.mean_kl}</title></circle>`);
  }
  out.push(`<circle cx="${width - 290}" cy="${top + 14 + i * 20}" r="4" fill="${color}"/>`,
    `<text x="${width - 278}" y="${top + 18 + i * 20}" fill="#333">${label}</text>`);
});
console.log(out.concat("</svg>").join("\n"));
