/** Cuts a body so that expressions whose time grows with the square of their input stay fast. */

const WINDOW = 16 * 1024;
const OVERLAP = 4 * 1024;
const RUN_HALF = 32;
// Two of the data's expressions begin with any number of blanks, two with any number of slashes.
const LONG_RUNS = /\s{65,}|\/{65,}/g;

/** Overlapping windows of the text; longer runs of blanks or slashes keep their ends. */
export function* windows(text: string): Generator<string> {
  const short = text.replace(
    LONG_RUNS,
    (run) => run.slice(0, RUN_HALF) + run.slice(-RUN_HALF),
  );
  for (let start = 0;; start += WINDOW - OVERLAP) {
    yield short.slice(start, start + WINDOW);
    if (start + WINDOW >= short.length) return;
  }
}
