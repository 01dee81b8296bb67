// The inside of one of piscina's threads.

const { workerData } = require("piscina");
const plugins = require("./load.cjs").load(workerData);

module.exports = ({ plugin, heads, bodies }) => plugins[plugin](heads, bodies);
