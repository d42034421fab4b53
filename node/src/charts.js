"use strict";
// Charts by kind. `Chart` is what a run returns; the other types say which fields a kind has.
Object.defineProperty(exports, "__esModule", { value: true });
exports.parseChart = parseChart;
const enums_js_1 = require("./generated/enums.js");
const KNOWN = new Set([
    enums_js_1.ChartType.LINE,
    enums_js_1.ChartType.SCATTER,
    enums_js_1.ChartType.BAR,
    enums_js_1.ChartType.PIE,
    enums_js_1.ChartType.BOX_AND_WHISKER,
    enums_js_1.ChartType.COMPOSITE_CHART,
]);
/**
 * The chart as the type of its kind. A kind this version does not know is `unknown`: its picture is there all the same.
 *
 * @example
 * const chart = parseChart(response.artifacts.charts[0]);
 * if (chart.type === 'bar') console.log(chart.x_label, chart.elements);
 */
function parseChart(chart) {
    return (KNOWN.has(chart.type) ? chart : { ...chart, type: enums_js_1.ChartType.UNKNOWN });
}
