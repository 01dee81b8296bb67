// One process per scan: reads one transaction from standard input, writes its findings, ends.
// The adapter and the plugin stand in front of this text.
{
  const chunks = [];
  for (;;) {
    const chunk = new Uint8Array(1 << 16);
    const got = Deno.stdin.readSync(chunk);
    if (got === null) break;
    chunks.push(chunk.subarray(0, got));
  }
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  chunks.reduce((at, chunk) => (bytes.set(chunk, at), at + chunk.length), 0);
  const decoder = new TextDecoder();
  const headEnd = bytes.indexOf(10);
  const heads = decoder.decode(bytes.subarray(0, headEnd));
  const [[request, response]] = JSON.parse(heads);
  const bodies = [];
  let at = headEnd + 1;
  for (const length of [request[8], response === null ? 0 : response[5]]) {
    if (length > 0) bodies.push(bytes.subarray(at, at + length));
    at += length;
  }
  console.log(benchScan(heads, ...bodies));
}
