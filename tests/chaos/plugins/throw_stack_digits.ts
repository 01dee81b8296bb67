// expect: error
// A place in its stack with a line number of thousands of digits.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    const error = new Error("x");
    error.stack = `Error: x\n    at f (${import.meta.url}:${"9".repeat(5000)}:${"9".repeat(5000)})`;
    throw error;
  }
  return { title: t.id };
}
