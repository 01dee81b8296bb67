// Imports Node's file system before anything else runs.
// expect: not_loaded
// level: host

import { readFileSync } from "node:fs";
export const metadata = { id: "p", description: readFileSync("/etc/passwd", "utf8") };

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return [];
}
