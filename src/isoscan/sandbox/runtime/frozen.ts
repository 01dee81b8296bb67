/**
 * A world in which nothing changes from run to run: the clock stands still, and chance comes from a
 * seed. A plugin that is scanned in it twice does the same twice.
 *
 * A plugin can import this file; it works on what a plugin could change as well.
 */

export interface Determinism {
  clock_ms: number;
  seed: number;
}

/** Stops the clock and replaces chance; returns what puts chance back to where it began. */
export function freeze({ clock_ms: clock, seed }: Determinism): () => void {
  stopDates(clock);
  stopTemporal(clock);
  performance.now = () => 0;
  let state = seed | 0;
  const { imul } = Math;
  // The generator known as mulberry32: 32 bits of state, good enough to tell calls apart.
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  Math.random = () => next() / 2 ** 32;
  const hex = (count: number) => {
    let text = "";
    while (text.length < count) text += (next() & 15).toString(16);
    return text;
  };
  // deno-lint-ignore no-explicit-any -- any view may be filled
  crypto.getRandomValues = (view: any) => {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    for (let i = 0; i < bytes.length; i++) bytes[i] = next();
    return view;
  };
  crypto.randomUUID = () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`;
  return () => {
    state = seed | 0;
  };
}

function stopDates(clock: number): void {
  const Native = Date;
  Native.now = () => clock;
  const Stopped = new Proxy(Native, {
    apply: () => new Native(clock).toString(),
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [clock] : args, newTarget),
  });
  Object.defineProperty(Native.prototype, "constructor", { value: Stopped });
  Object.defineProperty(globalThis, "Date", { value: Stopped });
  const format = Intl.DateTimeFormat.prototype;
  const { formatToParts } = format;
  const get = Object.getOwnPropertyDescriptor(format, "format")!.get!;
  Object.defineProperty(format, "format", {
    configurable: true,
    get(this: Intl.DateTimeFormat) {
      const own = get.call(this) as (date?: unknown) => string;
      return (date?: unknown) => own(date ?? clock);
    },
  });
  format.formatToParts = function (date) {
    return formatToParts.call(this, date ?? clock);
  };
}

function stopTemporal(clock: number): void {
  // deno-lint-ignore no-explicit-any -- not all supported versions have it
  const temporal = (globalThis as any).Temporal;
  if (temporal === undefined) return;
  const instant = temporal.Instant.fromEpochMilliseconds(clock);
  const zoned = (zone?: unknown) => instant.toZonedDateTimeISO(zone ?? temporal.Now.timeZoneId());
  temporal.Now.instant = () => instant;
  temporal.Now.zonedDateTimeISO = zoned;
  temporal.Now.plainDateTimeISO = (zone?: unknown) => zoned(zone).toPlainDateTime();
  temporal.Now.plainDateISO = (zone?: unknown) => zoned(zone).toPlainDate();
  temporal.Now.plainTimeISO = (zone?: unknown) => zoned(zone).toPlainTime();
}
