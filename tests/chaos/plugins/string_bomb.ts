// expect: out_of_memory, error
// Megabyte strings.

export function scan_transaction(t: any) {
  if (t.request.url.includes("/bad")) {
    const kept: string[] = [];
    for (let i = 0;; i++) kept.push(String(i).padEnd(1 << 20, "x" + i).toUpperCase());
  }
  return { title: t.id };
}
