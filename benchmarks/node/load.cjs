// Evaluates adapters, each with a plugin, in this thread; a function per plugin that scans a batch.

exports.load = (adapters) =>
  adapters.map((adapter) => {
    (0, eval)(adapter);
    const { benchPlugins, benchScan } = globalThis;
    return (heads, bodies) => {
      globalThis.benchPlugins = benchPlugins;
      return benchScan(heads, ...bodies);
    };
  });
