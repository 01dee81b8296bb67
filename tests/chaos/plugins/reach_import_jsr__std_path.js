// expect: clean

export async function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    const name = "jsr:@std/path";
    try {
      const found = await import(name);
      return { title: "reached: " + Object.keys(found) };
    } catch {
      // refused
    }
    return [];
  }
  return { title: t.id };
}
