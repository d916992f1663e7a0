// What draws the report's charts in a browser, with ECharts.
#include "ship/report_charts.h"

namespace dragoman {

std::string_view ChartScript() {
  return R"js(
(function () {
"use strict";
if (!window.echarts) return;
var data = JSON.parse(document.getElementById("chart-data").textContent);
var css, charts = [];
function color(name) { return css.getPropertyValue("--" + name).trim(); }
function text(value) { return echarts.format.encodeHTML(String(value)); }
function signed(value) { return (value > 0 ? "+" : "") + value.toFixed(2); }
function interval(point) {
  return signed(point[0]) + " % [" + signed(point[1]) + ", " + signed(point[2]) + "]";
}
function size(bytes) {
  return bytes >= 1e9 ? (bytes / 1e9).toFixed(2) + " GB" : (bytes / 1e6).toFixed(1) + " MB";
}
function axis(more) {
  var base = {axisLabel: {color: color("soft")}, nameTextStyle: {color: color("soft"), align: more.nameLocation ? "center" : "left"},
    axisLine: {lineStyle: {color: color("line")}}, splitLine: {lineStyle: {color: color("line")}}};
  for (var key in more) base[key] = more[key];
  return base;
}
function frame(more) {
  var base = {animation: false, aria: {enabled: true}, textStyle: {fontFamily: "inherit"},
    tooltip: {confine: true, backgroundColor: color("card"), borderColor: color("line"),
      textStyle: {color: color("ink")}},
    legend: {top: 0, textStyle: {color: color("soft")}}};
  for (var key in more) base[key] = more[key];
  return base;
}
// A point with its interval, along x (a row of the forest) or along y.
function whisker(api, at, low, high, shade, along) {
  var a = api.coord(low), b = api.coord(high), c = api.coord(at);
  var dx = along === "x" ? 0 : along, style = {stroke: shade, lineWidth: 2.4};
  return {type: "group", children: [
    {type: "line", shape: {x1: a[0], y1: a[1] + dx, x2: b[0], y2: b[1] + dx}, style: style},
    {type: "circle", shape: {cx: c[0], cy: c[1] + dx, r: 4.5}, style: {fill: shade}}]};
}
function forest() {
  var rows = data.forest, last = rows.length - 1;
  function series(name, key, shade, shift) {
    return {name: name, type: "custom", itemStyle: {color: shade},
      encode: {x: [1, 2, 3], y: 0},
      data: rows.map(function (row, i) { return [last - i].concat(row[key]); }),
      renderItem: function (params, api) {
        var y = api.value(0);
        return whisker(api, [api.value(1), y], [api.value(2), y], [api.value(3), y], shade, shift);
      }};
  }
  var limits = {name: "loss allowed", type: "custom", itemStyle: {color: color("bad")},
    encode: {x: 1, y: 0}, tooltip: {show: false},
    data: rows.map(function (row, i) { return [last - i, -row.limit]; }),
    renderItem: function (params, api) {
      var c = api.coord([api.value(1), api.value(0)]), h = api.size([0, 1])[1] / 2;
      return {type: "line", shape: {x1: c[0], y1: c[1] - h, x2: c[0], y2: c[1] + h},
        style: {stroke: color("bad"), lineWidth: 1.4, lineDash: [3, 3]}};
    }};
  var zero = {type: "custom", silent: true, encode: {x: 1, y: 0}, data: [[0, 0]],
    renderItem: function (params, api) {
      var box = params.coordSys, x = api.coord([0, 0])[0];
      return {type: "line", shape: {x1: x, y1: box.y, x2: x, y2: box.y + box.height},
        style: {stroke: color("soft"), lineWidth: 1}};
    }};
  return frame({
    grid: {left: 8, right: 16, top: 34, bottom: 24, containLabel: true},
    tooltip: {confine: true, trigger: "item", backgroundColor: color("card"),
      borderColor: color("line"), textStyle: {color: color("ink")},
      formatter: function (item) {
        var row = rows[last - item.value[0]];
        return "<b>" + text(row.label) + "</b><br>BLEU " + interval(row.bleu) + "<br>chrF " +
          interval(row.chrf) + "<br>allowed: -" + row.limit + " %";
      }},
    xAxis: axis({type: "value", name: "% change", nameLocation: "middle", nameGap: 22}),
    yAxis: axis({type: "category", data: rows.map(function (row) { return row.label; }).reverse(),
      axisTick: {show: false}}),
    series: [zero, series("BLEU", "bleu", color("build"), -6),
      series("chrF", "chrf", color("chrf"), 6), limits]});
}
function sizes() {
  var points = data.sizes;
  return frame({
    legend: {show: false},
    grid: {left: 14, right: 30, top: 26, bottom: 34, containLabel: true},
    tooltip: {confine: true, backgroundColor: color("card"), borderColor: color("line"),
      textStyle: {color: color("ink")},
      formatter: function (item) {
        var point = points[item.dataIndex];
        return "<b>" + text(point.label) + "</b><br>" + size(point.bytes) + "<br>BLEU " +
          interval(point.bleu);
      }},
    xAxis: axis({type: "value", name: "size", nameLocation: "middle", nameGap: 26, min: 0,
      axisLabel: {color: color("soft"), formatter: size, hideOverlap: true}}),
    yAxis: axis({type: "value", name: "BLEU, % change"}),
    series: [{type: "custom", data: points.map(function (p) { return [p.bytes].concat(p.bleu); }),
      encode: {x: 0, y: [1, 2, 3]},
      renderItem: function (params, api) {
        var x = api.value(0), shade = color(params.dataIndex === 0 ? "base" : "build");
        var group = whisker(api, [x, api.value(1)], [x, api.value(2)], [x, api.value(3)], shade, 0);
        var c = api.coord([x, api.value(1)]);
        var right = c[0] > api.getWidth() / 2;
        group.children.push({type: "text", style: {text: points[params.dataIndex].label,
          x: c[0] + (right ? -9 : 9), y: c[1] - 7, fill: color("ink"), fontFamily: getComputedStyle(document.body).fontFamily,
          align: right ? "right" : "left", verticalAlign: "bottom"}});
        return group;
      }}]});
}
// The least time of both, down to one digit: a round end of a logarithmic axis.
function roundDown(both) {
  var least = Math.min.apply(null, both.baseline.concat(both.build));
  var unit = Math.pow(10, Math.floor(Math.log10(least)));
  return Math.floor(least / unit) * unit;
}
function latency() {
  function line(name, values, shade) {
    return {name: name, type: "line", showSymbol: false, lineStyle: {color: shade, width: 2.4},
      itemStyle: {color: shade},
      data: values.map(function (ms, percent) { return [ms, percent]; })};
  }
  return frame({
    legend: {top: 0, right: 4, textStyle: {color: color("soft")}},
    grid: {left: 8, right: 24, top: 48, bottom: 34, containLabel: true},
    tooltip: {confine: true, trigger: "item", backgroundColor: color("card"),
      borderColor: color("line"), textStyle: {color: color("ink")},
      formatter: function (item) {
        return text(item.seriesName) + ": " + item.value[1] + " % of sentences within " +
          item.value[0].toFixed(0) + " ms";
      }},
    xAxis: axis({type: "log", min: roundDown(data.latency), name: "ms", nameLocation: "middle",
      nameGap: 26, axisLabel: {color: color("soft"), hideOverlap: true,
        formatter: function (ms) { return ms >= 1 ? String(Math.round(ms)) : ms.toPrecision(1); }}}),
    yAxis: axis({type: "value", name: "% of sentences", max: 100}),
    series: [line("16 bits", data.latency.baseline, color("base")),
      line("build", data.latency.build, color("build"))]});
}
function show(id, height, option) {
  var place = document.getElementById(id);
  if (!place) return;
  place.parentNode.classList.add("live");
  place.style.height = height + "px";
  var chart = echarts.init(place, null, {renderer: "svg"});
  chart.setOption(option());
  charts.push(chart);
}
function draw() {
  css = getComputedStyle(document.documentElement);
  charts.forEach(function (chart) { chart.dispose(); });
  charts = [];
  if (data.forest.length > 0) show("chart-forest", 80 + 36 * data.forest.length, forest);
  if (data.sizes.length > 1) show("chart-sizes", 260, sizes);
  if (data.latency.build.length > 0) show("chart-latency", 260, latency);
}
draw();
window.addEventListener("resize", function () {
  charts.forEach(function (chart) { chart.resize(); });
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
)js";
}

}  // namespace dragoman
