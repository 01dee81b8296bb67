// Imports code from the network before anything else runs.
// expect: not_loaded
// level: host

import "https://deno.land/std/version.ts";

export async function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id, evidence: t.response.text() };
  return [];
}
