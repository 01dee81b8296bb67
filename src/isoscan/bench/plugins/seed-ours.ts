/** The seed's work with the transaction passed as data: same check, no new source. */
import { check } from "./check.ts";

export const metadata = { id: "soak-seed-ours", name: "Transaction passed as data", version: "1.0.0" };

let calls = 0;

export function scan_transaction({ id, request, response }: IsoscanTransaction): unknown {
  return check({
    id: `${id}-${++calls}`,
    url: request.url,
    headers: request.headers,
    status: response!.status,
    body: response!.text(),
  });
}
