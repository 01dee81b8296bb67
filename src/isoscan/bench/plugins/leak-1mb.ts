/** Keeps 1 MB of every scan: 131,072 numbers of 8 bytes in a list that nobody empties. */

export const metadata = { id: "soak-leak-1mb", name: "Leaks 1 MB per scan", version: "1.0.0" };

const kept: number[][] = [];

export function scan_transaction({ request }: IsoscanTransaction): void {
  kept.push(new Array<number>(131_072).fill(request.url.length + 0.5));
}
