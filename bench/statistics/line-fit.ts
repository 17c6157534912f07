/**
 * A straight line through measured points, such as what a sync costs: a fixed part, and so much for each byte. Pure. Least squares with
 * weights (Draper and Smith, Applied Regression Analysis, ch. 2 and 9): errors count relative to the value, because a large write varies by
 * more microseconds than a small one; so each point weighs 1/y², times how many measurements stand behind it.
 */

export interface FitPoint {
  readonly x: number;
  /** Greater than 0. */
  readonly y: number;
  /** How many measurements it stands for. */
  readonly count: number;
}

export interface LineFit {
  /** The line at x = 0. */
  readonly fixed: number;
  /** What each unit of x adds. */
  readonly perUnit: number;
  /** The typical distance of a point from the line, as a share of the point: the root of the weighted mean square. */
  readonly relativeError: number;
}

/** Undefined if the points don't say: fewer than two different x. */
export function fitLine(points: readonly FitPoint[]): LineFit | undefined {
  const usable = points.filter(({ x, y, count }) => Number.isFinite(x) && y > 0 && count > 0);
  let [weights, sumX, sumY] = [0, 0, 0];
  for (const point of usable) {
    const weight = weightOf(point);
    weights += weight;
    sumX += weight * point.x;
    sumY += weight * point.y;
  }
  const [meanX, meanY] = [sumX / weights, sumY / weights];
  let [squares, products] = [0, 0];
  for (const point of usable) {
    const weight = weightOf(point);
    squares += weight * (point.x - meanX) ** 2;
    products += weight * (point.x - meanX) * (point.y - meanY);
  }
  if (!(squares > 0)) return undefined;
  const perUnit = products / squares;
  const fixed = meanY - perUnit * meanX;
  const total = usable.reduce((sum, { count }) => sum + count, 0);
  const error = usable.reduce(
    (sum, { x, y, count }) => sum + count * ((fixed + perUnit * x - y) / y) ** 2,
    0,
  );
  return { fixed, perUnit, relativeError: Math.sqrt(error / total) };
}

function weightOf({ y, count }: FitPoint): number {
  return count / (y * y);
}
