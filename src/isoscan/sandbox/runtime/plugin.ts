/**
 * From a plugin's modules to its entry functions. Runs once, while it loads;
 * what a plugin can do to this code it does only to itself.
 */

import type { Callable } from "./captured.ts";

/** A module's text, cut where the URL of an earlier module (its index) belongs. */
export interface ModuleSource {
  type: string;
  parts: (string | number)[];
}

/** What the host calls. Either `scanTransaction` or one of the historic pair is there. */
export interface EntryPoints {
  scanTransaction: Callable | null;
  scanRequest: Callable | null;
  scanResponse: Callable | null;
  metadata: unknown;
  init: unknown;
}

const ENTRY_NAMES = [
  "scan_transaction",
  "scanTransaction",
  "scan_request",
  "scan_response",
  "metadata",
  "get_metadata",
  "init",
];

/** Appended to the entry module: finds functions declared but not exported, as historic plugins do. */
const SCOPE_EXPORT = "\n;export const __isoscan_scope = { " +
  ENTRY_NAMES.map((name) => `get ${name}() { return typeof ${name} === "undefined" ? undefined : ${name}; }`)
    .join(", ") +
  " };\n";

/**
 * One blob URL per module, in the given order: imports come before their importers,
 * the entry last. One URL more is the entry without what is appended to it.
 */
export function createModules(modules: ModuleSource[]): string[] {
  const urls: string[] = [];
  const create = (source: string, type: string) =>
    urls.push(URL.createObjectURL(new Blob([source], { type })));
  modules.forEach((module, index) => {
    let source = "";
    for (const part of module.parts) source += typeof part === "string" ? part : JSON.stringify(urls[part]);
    const isEntry = index === modules.length - 1;
    create(isEntry ? source + SCOPE_EXPORT : source, module.type);
    if (isEntry) create(source, module.type);
  });
  return urls;
}

/** Imports the entry; when it does not parse, the error is about the author's text alone. */
export async function importEntry(urls: string[]): Promise<Record<string, unknown>> {
  try {
    return await import(urls[urls.length - 2]);
  } catch (error) {
    if (error instanceof Error && error.message.includes("SyntaxError")) await import(urls[urls.length - 1]);
    throw error;
  }
}

/** Exports first, then the default export, then the module's own scope and `globalThis`. */
export function findEntryPoints(loaded: Record<string, unknown>): EntryPoints {
  const fallback = loaded.default as Record<string, unknown> | undefined;
  const scope = loaded.__isoscan_scope as Record<string, unknown>;
  const find = (name: string): unknown => {
    if (loaded[name] !== undefined) return loaded[name];
    if (typeof fallback === "object" && fallback !== null && fallback[name] !== undefined) {
      const member = fallback[name];
      return typeof member === "function" ? member.bind(fallback) : member;
    }
    return scope[name];
  };
  const entry = (name: string): Callable | null => {
    const found = find(name);
    if (found === undefined) return null;
    if (typeof found !== "function") throw new TypeError(`${name} is not a function but a ${typeof found}`);
    return found as Callable;
  };
  const scanTransaction = entry("scan_transaction") ?? entry("scanTransaction") ??
    (typeof fallback === "function" ? fallback as Callable : null);
  return {
    scanTransaction,
    scanRequest: scanTransaction === null ? entry("scan_request") : null,
    scanResponse: scanTransaction === null ? entry("scan_response") : null,
    metadata: find("metadata") ?? find("get_metadata"),
    init: find("init"),
  };
}
