import type { TypedChart } from './generated/charts.js';
import { ChartType } from './generated/enums.js';
import type { Chart } from './generated/models.js';

/** A position: a number, or where the scale says so a date as ISO 8601 or a category. */
// biome-ignore lint/suspicious/noExplicitAny: the scale decides at run time, and programs expect numbers or text
export type Position = any;

const KNOWN: ReadonlySet<string> = new Set(Object.values(ChartType).filter((kind) => kind !== ChartType.UNKNOWN));

/**
 * The chart as the type of its kind. A kind this version does not know is `unknown`: its picture is there all the same.
 *
 * @param chart - A chart of a run.
 * @example
 * const chart = parseChart(response.artifacts.charts[0]);
 * if (chart.type === 'bar') console.log(chart.x_label, chart.elements);
 */
export function parseChart(chart: Chart): TypedChart | (Chart & { type: 'unknown' }) {
  return (KNOWN.has(chart.type) ? chart : { ...chart, type: ChartType.UNKNOWN }) as TypedChart;
}
