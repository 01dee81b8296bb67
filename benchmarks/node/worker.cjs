// The inside of a worker thread.

const { parentPort, workerData } = require("node:worker_threads");
const [scan] = require("./load.cjs").load(workerData);

parentPort.on("message", ({ serial, heads, bodies }) => {
  try {
    parentPort.postMessage({ serial, rows: scan(heads, bodies) });
  } catch (error) {
    parentPort.postMessage({ serial, error: String(error?.message ?? error) });
  }
});
