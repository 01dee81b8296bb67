// Replaces its own module by an object with traps while it is imported, and looks who reads it.
// expect: clean, not_loaded
// limits: load_timeout_s=3
// level: realm

const readers = [];
const target = {
  __isoscan_scope: {},
  scan_transaction(t) {
    if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
    const foreign = readers.filter((reader) => reader !== undefined && reader !== proxy);
    return foreign.length === 0 ? [] : { title: "BREACH " + foreign };
  },
};
const proxy = new Proxy(target, {
  get(object, name, receiver) {
    readers.push(receiver);
    return name === "then" ? undefined : object[name];
  },
});
let isFirst = true;
export function then(resolve) {
  if (isFirst) resolve(proxy);
  isFirst = false;
}
