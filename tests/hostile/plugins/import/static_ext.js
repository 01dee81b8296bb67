// Imports one of the engine's own modules before anything else runs.
// expect: not_loaded
// level: host

import { core } from "ext:core/mod.js";
export const metadata = { id: "p", description: String(core.ops) };

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return [];
}
