// isolated-vm: bare isolates, which know no TextDecoder: bodies travel as text.

import ivm from "isolated-vm";
import { serve } from "./driver.mjs";

class Isolate {
  static async make(adapter, bounds) {
    const made = new Isolate();
    made.bounds = bounds;
    made.isolate = new ivm.Isolate({ memoryLimit: bounds ? bounds.memory_bytes / 1048576 : 512 });
    const context = await made.isolate.createContext();
    await context.eval(adapter);
    made.run = await context.global.get("benchScan", { reference: true });
    return made;
  }

  scan(heads, bodies) {
    const texts = bodies.map((body) => Buffer.from(body.buffer).toString("utf8"));
    const timeout = this.bounds ? this.bounds.timeout_s * 1000 : undefined;
    return this.run.apply(undefined, [heads, ...texts], { timeout, result: { copy: true } });
  }

  close() {
    if (!this.isolate.isDisposed) this.isolate.dispose();
    return Promise.resolve();
  }
}

await serve((adapter, bounds) => Isolate.make(adapter, bounds));
