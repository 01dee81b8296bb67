/**
 * Types for isoscan plugins. Refer to them from a plugin with
 * `/// <reference path="…/isoscan.d.ts" />`; nothing is imported at run time.
 */

/** Severity of a finding, compared without case. */
type IsoscanSeverity = "critical" | "high" | "medium" | "low" | "info";

/** How sure the plugin is, compared without case. */
type IsoscanConfidence = "high" | "medium" | "low";

/** What a plugin reports. Only `title` is needed. */
interface IsoscanFinding {
  title: string;
  severity?: IsoscanSeverity;
  confidence?: IsoscanConfidence;
  /** Short machine-readable kind, e.g. `"xss"`; the plugin's id when absent. */
  vuln_type?: string;
  description?: string;
  /** The part of the traffic that proves it; at most 64 KiB. */
  evidence?: string;
  /** Where in the transaction, e.g. `"response.header:set-cookie"`. */
  location?: string;
  /** e.g. `"CWE-79"`. */
  cwe?: string;
  /** e.g. `"A03:2021"`. */
  owasp?: string;
  remediation?: string;
  /** Overrides the transaction's URL. */
  url?: string;
  /** Overrides the transaction's method. */
  method?: string;
  /** Anything else is kept with the finding as plain JSON. */
  [extra: string]: unknown;
}

interface IsoscanMessage {
  /** Lower-cased names; repeated headers are joined with `", "` (Set-Cookie with `"\n"`). */
  readonly headers: Record<string, string>;
  /** All pairs as they were sent, in order, duplicates kept. */
  readonly rawHeaders: [string, string][];
  /** A copy of the decoded body, made when first asked for. */
  readonly body: Uint8Array;
  /** Length of the body in bytes; costs nothing. */
  readonly bodyLength: number;
  readonly content_type: string | null;
  /** ISO 8601, UTC. */
  readonly timestamp: string;
  /** The body as text, decoded once by its charset (UTF-8 when none is given). */
  text(): string;
}

interface IsoscanRequest extends IsoscanMessage {
  readonly id: string;
  readonly method: string;
  readonly url: string;
  /** The last value of each query parameter. */
  readonly query_params: Record<string, string>;
  readonly is_https: boolean;
  readonly was_edited: boolean;
}

interface IsoscanResponse extends IsoscanMessage {
  readonly request_id: string;
  readonly status: number;
}

interface IsoscanTransaction {
  readonly id: string;
  readonly request: IsoscanRequest;
  readonly response: IsoscanResponse | null;
}

/** A plugin's `metadata` export, or what its `get_metadata()` returns. */
interface IsoscanMetadata {
  id: string;
  name?: string;
  version?: string;
  author?: string;
  description?: string;
  category?: string;
  main_category?: string;
  default_severity?: IsoscanSeverity;
  tags?: string[];
  /** Whether an interrupted scan may run again although the plugin has network. */
  idempotent?: boolean;
  /** What the plugin wants to reach; it gets what whoever runs it grants as well. */
  permissions?: IsoscanPermissions;
  /** JSON schema of what `init` takes; options that break it are refused before the plugin runs. */
  config_schema?: Record<string, unknown>;
}

/** Anything else, a wildcard or a path that leads out of the plugin's folder is a load error. */
interface IsoscanPermissions {
  /** `"host:port"`, for `fetch` and `WebSocket`. */
  net?: string[];
  /** Files and folders of the plugin's own folder, for `isoscan.readAsset`. */
  read?: string[];
  /** `WebAssembly`. */
  wasm?: boolean;
}

/** What `scan_transaction` may return, directly or as a promise. */
type IsoscanReturn =
  | IsoscanFinding
  | IsoscanFinding[]
  | null
  | undefined
  | void;

/** The signature of the entry function. */
type IsoscanScan = (
  transaction: IsoscanTransaction,
) => IsoscanReturn | Promise<IsoscanReturn>;

/** Reports findings while the scan still runs. */
declare const isoscan: {
  report(finding: IsoscanFinding): void;
  /** A fresh copy of a granted file, by its path relative to the plugin's folder. */
  readAsset(path: string): Uint8Array;
  /** The same as UTF-8 text. */
  readAssetText(path: string): string;
};

/** The historic form of `isoscan.report`. */
declare const Sentinel: {
  emitFinding(finding: Partial<IsoscanFinding>): void;
  log(level: string, message: string): void;
};
