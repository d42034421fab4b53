// Charts by kind. `Chart` is what a run returns; the other types say which fields a kind has.

import { ChartType } from './generated/enums.js';
import type { Chart, ChartElement } from './generated/models.js';

/** A chart with two axes. */
export type Chart2D = Pick<Chart, 'type' | 'title' | 'png' | 'x_label' | 'y_label' | 'elements'>;

/** A position: a number, or where the scale says so a date as ISO 8601 or a category. */
// biome-ignore lint/suspicious/noExplicitAny: the scale decides at run time, and programs expect numbers or text
type Position = any;

/** A chart of points. */
export type PointChart = Chart2D &
  Pick<Chart, 'x_tick_labels' | 'y_tick_labels' | 'x_scale' | 'y_scale'> & {
    /** Positions of the x axis' ticks. */
    x_ticks?: Position[];
    /** Positions of the y axis' ticks. */
    y_ticks?: Position[];
  };

/** Lines. */
export type LineChart = PointChart & { type: 'line' };
/** Points. */
export type ScatterChart = PointChart & { type: 'scatter' };
/** Bars. */
export type BarChart = Chart2D & { type: 'bar' };
/** A pie. */
export type PieChart = Pick<Chart, 'title' | 'png' | 'elements'> & { type: 'pie' };
/** Boxes and whiskers. */
export type BoxAndWhiskerChart = Chart2D & { type: 'box_and_whisker' };
/** Several charts in one figure: its elements are charts. */
export type CompositeChart = Pick<Chart, 'title' | 'png' | 'elements'> & { type: 'composite_chart' };

/** A line or a group of points. */
export type PointData = Pick<ChartElement, 'label'> & {
  /** Pairs of x and y. */
  points?: Position[][];
};
/** A bar. */
export type BarData = Pick<ChartElement, 'label' | 'group'> & {
  /** Its value, a number or text. */
  value?: Position;
};
/** A slice. */
export type PieData = Pick<ChartElement, 'label' | 'angle' | 'radius' | 'autopct'>;
/** A box. */
export type BoxAndWhiskerData = Pick<
  ChartElement,
  'label' | 'min' | 'first_quartile' | 'median' | 'third_quartile' | 'max' | 'outliers'
>;

/** A chart of one of the known kinds. Decide by `type`. */
export type TypedChart = LineChart | ScatterChart | BarChart | PieChart | BoxAndWhiskerChart | CompositeChart;

const KNOWN: ReadonlySet<string> = new Set([
  ChartType.LINE,
  ChartType.SCATTER,
  ChartType.BAR,
  ChartType.PIE,
  ChartType.BOX_AND_WHISKER,
  ChartType.COMPOSITE_CHART,
]);

/**
 * The chart as the type of its kind. A kind this version does not know is `unknown`: its picture is there all the same.
 *
 * @example
 * const chart = parseChart(response.artifacts.charts[0]);
 * if (chart.type === 'bar') console.log(chart.x_label, chart.elements);
 */
export function parseChart(chart: Chart): TypedChart | (Chart & { type: 'unknown' }) {
  return (KNOWN.has(chart.type) ? chart : { ...chart, type: ChartType.UNKNOWN }) as TypedChart;
}
