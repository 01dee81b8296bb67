/** An ordinary plugin: a few headers, two patterns over the body, nothing kept. */

export const metadata = { id: "soak-well-behaved", name: "Well-behaved plugin", version: "1.0.0" };

const KEY = /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/;
const TRACE = /Traceback \(most recent call last\)|\bat [\w.$]+\([\w.]+:\d+\)/;

export function scan_transaction({ response }: IsoscanTransaction): IsoscanReturn {
  if (response === null) return;
  const found: IsoscanFinding[] = [];
  if (response.headers["x-content-type-options"] !== "nosniff") {
    found.push({ title: "Response may be sniffed", severity: "info", location: "response.header" });
  }
  const text = response.text();
  const key = KEY.exec(text);
  if (key !== null) found.push({ title: "Access key in a response", severity: "high", evidence: key[0] });
  if (TRACE.test(text)) found.push({ title: "Stack trace in a response", severity: "medium" });
  return found;
}
