// piscina: one pool for all plugins, a task per plugin and batch.

import { availableParallelism } from "node:os";
import { Piscina } from "piscina";
import { serve } from "./driver.mjs";

const adapters = [];
let pool = null;

class Isolate {
  constructor(adapter, bounds) {
    this.bounds = bounds;
    this.plugin = adapters.indexOf(adapter);
    if (this.plugin < 0) this.plugin = adapters.push(adapter) - 1;
  }

  async scan(heads, bodies) {
    pool ??= new Piscina({
      filename: new URL("./piscina_task.cjs", import.meta.url).href,
      workerData: adapters,
      minThreads: availableParallelism(),
      maxThreads: availableParallelism(),
      concurrentTasksPerWorker: 2,
      resourceLimits: this.bounds
        ? { maxOldGenerationSizeMb: this.bounds.memory_bytes / 1048576 }
        : undefined,
    });
    const signal = this.bounds ? AbortSignal.timeout(this.bounds.timeout_s * 1000) : undefined;
    return await pool.run({ plugin: this.plugin, heads, bodies }, { signal });
  }

  async close() {
    const ended = pool;
    pool = null;
    await ended?.destroy();
  }
}

await serve((adapter, bounds) => new Isolate(adapter, bounds));
