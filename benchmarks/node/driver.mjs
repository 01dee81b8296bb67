// What every Node contender shares: the transactions in memory, the loop that keeps its isolates busy,
// and the answers to the benchmark, one JSON line each.
//
// A contender gives `make(adapter, bounds)`: an isolate with `scan(heads, bodies)`, which promises the
// JSON text of its rows, and `close()`.

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";

const BATCH_SCANS = 64;
const BATCH_BYTES = 1024 * 1024;

function batchesOf(transactions) {
  const batches = [];
  let room = 0;
  for (const transaction of transactions) {
    const size = transaction.bodies.reduce((sum, body) => sum + body.length, 0);
    if (batches.length === 0 || room < size || batches.at(-1).length === BATCH_SCANS) {
      batches.push([]);
      room = BATCH_BYTES;
    }
    batches.at(-1).push(transaction);
    room -= size;
  }
  return batches;
}

class Fleet {
  constructor(spec, make) {
    this.bounds = spec.bounds;
    this.adapters = spec.adapters;
    this.make = make;
    this.transactions = spec.transactions.map(({ head, bodies }) => ({
      row: JSON.parse(head),
      // Each in memory of its own: what is sent is copied whole.
      bodies: bodies.map((text) => new Uint8Array(Buffer.from(text, "base64"))),
    }));
    this.cpus = availableParallelism();
    this.turn = 0;
  }

  async open() {
    const each = this.adapters.length === 1 && this.bounds === null ? this.cpus : 1;
    this.isolates = await Promise.all(
      this.adapters.map((adapter) =>
        Promise.all(Array.from({ length: each }, () => this.make(adapter, this.bounds)))
      ),
    );
  }

  /** Every plugin on some transactions: rows by plugin. */
  scan(transactions) {
    const heads = `[${transactions.map(({ row }) => JSON.stringify(row)).join(",")}]`;
    const bodies = transactions.flatMap((transaction) => transaction.bodies);
    const turn = this.turn++;
    return Promise.all(this.isolates.map(async (several) => {
      const rows = JSON.parse(await several[turn % several.length].scan(heads, bodies));
      if (rows.length !== transactions.length) throw new Error("fewer results than transactions");
      return rows;
    }));
  }

  async outcomes(count) {
    const some = this.transactions.slice(0, count);
    const found = [];
    for (const batch of this.bounds === null ? batchesOf(some) : some.map((one) => [one])) {
      try {
        const rows = await this.scan(batch);
        batch.forEach((_, i) => found.push({ findings: rows.map((row) => row[i]?.[0] ?? []) }));
      } catch (error) {
        if (this.bounds === null) throw error;
        found.push({ error: String(error).slice(0, 200) });
        await Promise.allSettled(this.isolates.flat().map((isolate) => isolate.close()));
        await this.open();
      }
    }
    return found;
  }

  async run(seconds) {
    const batches = batchesOf(this.transactions);
    const began = performance.now();
    const until = began + seconds * 1000;
    let next = 0;
    let scans = 0;
    const keepOneInFlight = async () => {
      while (performance.now() < until) {
        const batch = batches[next++ % batches.length];
        await this.scan(batch);
        scans += batch.length * this.adapters.length;
      }
    };
    await Promise.all(Array.from({ length: 2 * this.cpus }, keepOneInFlight));
    return [scans, (performance.now() - began) / 1000];
  }

  async latencies(seconds) {
    const took = [];
    const until = performance.now() + seconds * 1000;
    for (let next = 0; performance.now() < until; next = (next + 1) % this.transactions.length) {
      const began = performance.now();
      await this.scan([this.transactions[next]]);
      took.push((performance.now() - began) * 1000);
    }
    return took;
  }
}

const say = (value) => new Promise((done) => process.stdout.write(JSON.stringify(value) + "\n", done));

/** Answers until standard input ends. */
export async function serve(make) {
  const fleet = new Fleet(JSON.parse(readFileSync(process.argv[2], "utf8")), make);
  try {
    await fleet.open();
    await say("ready");
    for await (const line of createInterface({ input: process.stdin })) {
      const { verb, count, seconds } = JSON.parse(line);
      await say(await (verb === "outcomes" ? fleet.outcomes(count) : fleet[verb](seconds)));
    }
  } catch (error) {
    await say({ error: String(error?.message ?? error).slice(0, 300) });
  }
  process.exit(0);
}
