// expect: clean

export async function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    try {
      const found = await import("node:net");
      return { title: "reached: " + Object.keys(found) };
    } catch {
      // refused
    }
    return [];
  }
  return { title: t.id };
}
