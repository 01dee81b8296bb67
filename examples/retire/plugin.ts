/// <reference path="../../src/isoscan/sandbox/runtime/isoscan.d.ts" />

import {
  type Component,
  isAtOrAbove,
  replaceVersion,
  type Repository,
  scanFileContent,
  scanFileName,
  scanUri,
  type Vulnerability,
} from "./vendor/retire.js";
import { windows } from "./windows.ts";

const DATA = "jsrepository.json";

export const metadata: IsoscanMetadata = {
  id: "retire",
  name: "JavaScript libraries with known vulnerabilities",
  version: "1.0.0",
  author: "isoscan",
  description:
    "Libraries recognised by URL, file name and content with retire.js and its vulnerability data.",
  category: "components",
  default_severity: "medium",
  tags: ["components", "javascript", "cve"],
  permissions: { read: [DATA] },
};

const MAX_TEXT = 1024 * 1024;
const EVIDENCE_CHARS = 160;
const SCRIPT = /javascript|ecmascript/i;
const SCRIPT_NAME = /\.[cm]?js$/i;
const PAGE = /html/i;
const NEVER = "100.0.0";
const SEVERITIES = ["low", "medium", "high", "critical"] as const;

let loaded: Repository | undefined;

/** Parsed in the first scan: while the module loads for the first time, nothing is granted yet. */
function repository(): Repository {
  loaded ??= JSON.parse(
    replaceVersion(isoscan.readAssetText(DATA)),
  ) as Repository;
  return loaded;
}

/** A library in this transaction: every way in which one version of it was recognised. */
interface Sighting {
  found: Component;
  detections: string[];
  location: string;
  evidence: string;
}

export async function scan_transaction(
  { request, response }: IsoscanTransaction,
): Promise<IsoscanFinding[]> {
  const libraries = repository();
  if (!response || response.status >= 400) return [];
  const path = request.url.replace(/[?#].*$/s, "");
  const type = response.content_type ?? "";
  const isScript = SCRIPT.test(type) ||
    (SCRIPT_NAME.test(path) && !PAGE.test(type));
  if (!isScript && !PAGE.test(type)) return [];

  const sightings = new Map<string, Sighting>();
  if (response.bodyLength > 0) {
    const text = readable(response);
    for (const found of await scanContent(text, libraries)) {
      add(
        sightings,
        found,
        "response.body",
        () => proof(text, found, libraries),
      );
    }
  }
  if (isScript) {
    for (
      const found of [
        ...scanUri(path, libraries),
        ...scanFileName(path, libraries),
      ]
    ) {
      add(sightings, found, "request.url", () => path.slice(-EVIDENCE_CHARS));
    }
  }
  return [...sightings.values()].map(toFinding);
}

function readable(response: IsoscanResponse): string {
  const text = response.text();
  if (text.length <= MAX_TEXT) return text;
  console.warn(
    `retire: only the first ${MAX_TEXT} of ${text.length} characters were searched`,
  );
  return text.slice(0, MAX_TEXT);
}

async function scanContent(
  text: string,
  libraries: Repository,
): Promise<Component[]> {
  // retire wants the hash at once and the isolate's crypto gives it later: so it is made before.
  const digest = await sha1(text.replace(/\r\n?/g, "\n"));
  const hasher = { sha1: () => digest };
  return [...windows(text)].flatMap((part) => scanFileContent(part, libraries, hasher));
}

async function sha1(text: string): Promise<string> {
  const digest = await crypto.subtle.digest(
    "SHA-1",
    new TextEncoder().encode(text),
  );
  return new Uint8Array(digest).toHex();
}

function add(
  sightings: Map<string, Sighting>,
  found: Component,
  location: string,
  evidence: () => string,
): void {
  if (!found.vulnerabilities?.length) return;
  const known = sightings.get(`${found.component} ${found.version}`);
  if (known === undefined) {
    const sighting = {
      found,
      detections: [found.detection],
      location,
      evidence: evidence(),
    };
    sightings.set(`${found.component} ${found.version}`, sighting);
  } else if (!known.detections.includes(found.detection)) {
    known.detections.push(found.detection);
  }
}

/** The text that gave the version away, or at least the version. */
function proof(
  text: string,
  { component, version, detection }: Component,
  libraries: Repository,
): string {
  if (detection === "hash") return `SHA-1 of ${component} ${version}`;
  for (const pattern of libraries[component].extractors.filecontent ?? []) {
    for (const part of windows(text)) {
      for (const match of part.matchAll(new RegExp(pattern, "g"))) {
        if (match[1]?.replace(/[.-]min$/, "") === version) {
          return around(match[0], version);
        }
      }
    }
  }
  return around(text, version);
}

/** A piece of bounded length with the version in it. */
function around(text: string, version: string): string {
  if (text.length <= EVIDENCE_CHARS) return text;
  const at = Math.max(0, text.indexOf(version) - EVIDENCE_CHARS / 2);
  return text.includes(version) ? text.slice(at, at + EVIDENCE_CHARS) : version;
}

function toFinding(
  { found, detections, location, evidence }: Sighting,
): IsoscanFinding {
  const flaws = [...found.vulnerabilities!].sort((a, b) => rank(b) - rank(a));
  const { component, version } = found;
  return {
    title: `${component} ${version} has known vulnerabilities`,
    vuln_type: "vulnerable-library",
    severity: flaws[0].severity ?? "medium",
    confidence: location === "request.url" ? "medium" : "high",
    description: flaws.map(sentence).join("\n"),
    evidence,
    location,
    cwe: flaws[0].cwe?.[0],
    owasp: "A06:2021",
    remediation: remedy(component, flaws),
    component,
    version,
    package: found.npmname,
    detected_by: detections,
    cve: [...new Set(flaws.flatMap((flaw) => flaw.identifiers?.CVE ?? []))],
    vulnerabilities: flaws,
  };
}

function rank({ severity }: Vulnerability): number {
  return SEVERITIES.indexOf(severity ?? "medium");
}

function sentence(flaw: Vulnerability): string {
  const { CVE, githubID, summary } = flaw.identifiers ?? {};
  const name = CVE?.join(", ") ?? githubID ?? flaw.info[0] ?? "no identifier";
  const what = summary?.split("\n")[0] ?? "no summary";
  return `${flaw.severity ?? "medium"}: ${what} (${name})`;
}

/** The lowest version that has none of these. */
function remedy(component: string, flaws: Vulnerability[]): string {
  const bounds = flaws.map(({ below }) => below === undefined ? NEVER : repairedIn(below));
  const highest = bounds.reduce((a, b) => isAtOrAbove(a, b) ? a : b);
  return isAtOrAbove(highest, NEVER)
    ? `No version of ${component} is without all of this: replace the library.`
    : `Update ${component} to ${highest} or later.`;
}

/** The data says `3.999.999` of what no version 3 repairs, and `999.999.999` of what nothing does. */
function repairedIn(below: string): string {
  const major = /^(\d+)\.999/.exec(below)?.[1];
  return major === undefined ? below : `${Number(major) + 1}.0.0`;
}
