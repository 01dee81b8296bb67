/**
 * The seed's leak: every call pastes its transaction into the text of a new script and runs that.
 *
 * An indirect eval is the form of it that a plugin can reach. V8 keeps each source, with its functions
 * and string literals, in the compilation cache; a garbage collection does not empty it, only a heap
 * that is nearly full does.
 */
import { check } from "./check.ts";

export const metadata = { id: "soak-seed-leak", name: "Transaction pasted into source", version: "1.0.0" };

const runScript = eval;
(globalThis as Record<string, unknown>).soakCheck = check;
let calls = 0;

export function scan_transaction({ id, request, response }: IsoscanTransaction): unknown {
  // The traffic repeats, the seed's did not: the count makes every transaction one of its own.
  const pasted = JSON.stringify({
    id: `${id}-${++calls}`,
    url: request.url,
    headers: request.headers,
    status: response!.status,
    body: response!.text(),
  });
  return runScript(`(() => { const transaction = ${pasted}; return soakCheck(transaction); })()`);
}
