// Node's own worker threads: one plugin per worker, the bodies cloned to it, the rows back as text.

import { Worker } from "node:worker_threads";
import { serve } from "./driver.mjs";

class Isolate {
  constructor(adapter, bounds) {
    this.bounds = bounds;
    this.waiting = new Map();
    this.serial = 0;
    const resourceLimits = bounds ? { maxOldGenerationSizeMb: bounds.memory_bytes / 1048576 } : undefined;
    this.worker = new Worker(new URL("./worker.cjs", import.meta.url), {
      workerData: [adapter],
      resourceLimits,
      stdout: true,
    });
    this.worker.on("message", ({ serial, rows, error }) => {
      const { resolve, reject } = this.waiting.get(serial);
      this.waiting.delete(serial);
      error === undefined ? resolve(rows) : reject(new Error(error));
    });
    this.worker.on("error", (error) => this.#end(error));
    this.worker.on("exit", (code) => this.#end(new Error(`the worker ended with code ${code}`)));
  }

  #end(error) {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }

  scan(heads, bodies) {
    const serial = this.serial++;
    return new Promise((resolve, reject) => {
      this.waiting.set(serial, { resolve, reject });
      this.worker.postMessage({ serial, heads, bodies });
      if (this.bounds) {
        const timer = setTimeout(() => {
          this.#end(new Error("timeout: the worker was terminated"));
          this.worker.terminate();
        }, this.bounds.timeout_s * 1000);
        timer.unref();
      }
    });
  }

  close() {
    return this.worker.terminate();
  }
}

await serve((adapter, bounds) => new Isolate(adapter, bounds));
