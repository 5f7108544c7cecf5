// How much of the media is missing: what was noted as missing, less what was filled afterwards.

// what a report does not count as a hole either
const TOLERANCE_MS = 500;

const span = ({ started_at: from, ended_at: to }) => [new Date(from).getTime(), new Date(to).getTime()];

export class Missing {
  #gaps = [];
  #filled = [];

  /** Take an entry of the log; tells whether it changed anything. */
  entry({ kind, data }) {
    const list = { "gap.noted": this.#gaps, "segment.backfilled": this.#filled }[kind];
    list?.push(span(data));
    return Boolean(list);
  }

  /** What is missing now, without overlaps: [[from, to]] in ms. */
  get spans() {
    const marks = [...this.#gaps.map((gap) => [...gap, 1]), ...this.#filled.map((fill) => [...fill, 2])];
    const edges = [...new Set(marks.flatMap(([from, to]) => [from, to]))].sort((a, b) => a - b);
    const found = [];
    edges.slice(0, -1).forEach((from, index) => {
      const to = edges[index + 1];
      const over = marks.filter(([start, end]) => start <= from && end >= to).reduce((all, [, , kind]) => all | kind, 0);
      if (over !== 1) return;
      if (found.at(-1)?.[1] === from) found.at(-1)[1] = to;
      else found.push([from, to]);
    });
    return found.filter(([from, to]) => to - from > TOLERANCE_MS);
  }

  get ms() {
    return this.spans.reduce((sum, [from, to]) => sum + to - from, 0);
  }
}
