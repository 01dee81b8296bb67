// expect: error
// The same in its message.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    const error = new Error(`${import.meta.url}:1:${"9".repeat(4350)}`.slice(0, 4090));
    error.stack = `${import.meta.url}:1:${"7".repeat(4400)}`;
    throw error;
  }
  return { title: t.id };
}
