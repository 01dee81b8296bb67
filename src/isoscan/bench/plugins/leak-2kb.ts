/** Keeps 2 kB of every scan: 256 numbers of 8 bytes in a list that nobody empties. */

export const metadata = { id: "soak-leak-2kb", name: "Leaks 2 kB per scan", version: "1.0.0" };

const kept: number[][] = [];

export function scan_transaction({ request }: IsoscanTransaction): void {
  kept.push(new Array<number>(256).fill(request.url.length + 0.5));
}
