/**
 * What one scan leaves behind: findings, console lines, an error, all bounded.
 *
 * Everything a plugin hands over is turned into text at once, so nothing it does
 * later can change it, and nothing of it is looked at twice.
 */

import {
  describeError,
  inspectAll,
  isArray,
  mapForEach,
  mapGet,
  mapSet,
  NativeMap,
  quoted,
  sliceString,
  stringify,
} from "./captured.ts";

/** The bounds of one scan, from the owner. */
export interface ScanLimits {
  max_findings: number;
  max_findings_bytes: number;
  max_console_bytes: number;
}

const MAX_FIELD_CHARS = 1 << 24;
const MAX_DENIALS = 50;
const TARGET_CHARS = 256;

/** The record of one scan. `serial` tells a late answer from a current one. */
export class Scan {
  serial: number;
  /** Whether the plugin may still add to it. */
  isOpen = true;
  isSkipped = false;
  startedAt = 0;
  endedAt = 0;
  #limits: ScanLimits;
  #findings = "";
  #findingCount = 0;
  #findingChars = 0;
  #invalid = "";
  #error = "";
  #console = "";
  #consoleChars = 0;
  #consoleDropped = 0;
  /** Attempts by the beginning of their JSON, `["permission","target",`. */
  #denials: Map<string, number> | null = null;
  #denialKinds = 0;

  constructor(serial: number, limits: ScanLimits) {
    this.serial = serial;
    this.#limits = limits;
  }

  /** Whether nothing was left behind: then it can stand for the next scan too. */
  get isClean(): boolean {
    return this.#findings === "" && this.#error === "" && this.#invalid === "" && !this.isSkipped &&
      this.#console === "" && this.#consoleDropped === 0 && this.#denials === null;
  }

  /** Makes a clean one stand for another scan: most are clean, and making one costs time. */
  renew(serial: number): void {
    this.serial = serial;
    this.isOpen = true;
  }

  /** Adds one finding; `isHistoric` marks the older call forms, whose title may be derived. */
  addFinding(finding: unknown, isHistoric: boolean): void {
    if (this.#invalid !== "") return;
    if (this.#findingCount >= this.#limits.max_findings) {
      this.#invalid = `more than ${this.#limits.max_findings} findings from one scan`;
      return;
    }
    if (typeof finding !== "object" || finding === null) {
      this.#invalid = `a finding must be an object, not ${finding === null ? "null" : `a ${typeof finding}`}`;
      return;
    }
    const text = this.#write(finding);
    if (text === null) return;
    this.#findingChars += text.length;
    if (this.#findingChars > this.#limits.max_findings_bytes) {
      this.#invalid = `the findings of one scan exceed ${this.#limits.max_findings_bytes} bytes`;
      return;
    }
    this.#findingCount++;
    this.#findings += `${this.#findings === "" ? "" : ","}[${isHistoric ? 1 : 0},${stringify(text)}]`;
  }

  #write(finding: object): string | null {
    let reason: unknown = "";
    try {
      // Saves writing a text of hundreds of megabytes only to refuse it.
      const evidence = (finding as { evidence?: unknown }).evidence;
      if (typeof evidence === "string" && evidence.length > MAX_FIELD_CHARS) {
        this.#invalid = `evidence: ${evidence.length} characters are more than a finding may have`;
        return null;
      }
      const text: unknown = stringify(finding);
      if (typeof text === "string") return text;
      reason = "toJSON returned nothing";
    } catch (error) {
      reason = "an error that cannot be read";
      try {
        reason = (error as Error).message;
      } catch { /* the plugin's error object throws: the reason above says so */ }
    }
    const why = typeof reason === "string" ? sliceString(reason, 0, 300) : "";
    this.#invalid = `a finding cannot be written as JSON: ${why}`;
    return null;
  }

  /** Takes what the plugin returned: a finding, an array of them, or nothing. */
  addReturned(value: unknown): void {
    if (value === undefined || value === null) return;
    try {
      if (!isArray(value)) {
        this.addFinding(value, false);
        return;
      }
      const length = value.length;
      for (let i = 0; i < length && this.#invalid === ""; i++) this.addFinding(value[i], false);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Records the scan's first error. */
  fail(error: unknown): void {
    if (this.#error === "") this.#error = describeError(error);
  }

  log(level: string, args: unknown[]): void {
    const room = this.#limits.max_console_bytes - this.#consoleChars;
    if (room <= 0) {
      this.#consoleDropped++;
      return;
    }
    let text: string;
    try {
      text = inspectAll(args);
    } catch {
      text = "(console arguments that throw when they are read)";
    }
    if (text.length > room) this.#consoleDropped++;
    this.#consoleChars += text.length + 1;
    this.#console += `${this.#console === "" ? "" : ","}["${level}",${quoted(text, room)}]`;
  }

  /** Counts an attempt at what was not granted; beyond a number of targets, by permission alone. */
  deny(permission: string, target: string): void {
    const counts = this.#denials ??= new NativeMap();
    let key = `["${permission}",${quoted(target, TARGET_CHARS)},`;
    let count = mapGet(counts, key);
    if (count === undefined) {
      if (this.#denialKinds >= MAX_DENIALS) {
        key = `["${permission}","",`;
        count = mapGet(counts, key);
      }
      this.#denialKinds++;
    }
    mapSet(counts, key, (count ?? 0) + 1);
  }

  /** Attempts as the inside of a JSON array of `[permission, target, count]`. */
  get denialsJson(): string {
    let text = "";
    if (this.#denials !== null) {
      mapForEach(this.#denials, (count: number, key: string) => {
        text += `${text === "" ? "" : ","}${key}${count}]`;
      });
    }
    return text;
  }

  /** Console lines as the inside of a JSON array. */
  get consoleJson(): string {
    return this.#console;
  }

  /** The entry in a results frame: microseconds when clean and silent, else an object. */
  toEntry(): string {
    const micros = ((this.endedAt - this.startedAt) * 1000) | 0;
    if (this.isClean) return `${micros}`;
    let text = `{"d":${micros}`;
    if (this.isSkipped) text += ',"s":true';
    if (this.#findings !== "") text += `,"f":[${this.#findings}]`;
    if (this.#invalid !== "") text += `,"i":${stringify(this.#invalid)}`;
    if (this.#error !== "") text += `,"e":${this.#error}`;
    if (this.#console !== "") text += `,"c":[${this.#console}]`;
    if (this.#denials !== null) text += `,"n":[${this.denialsJson}]`;
    if (this.#consoleDropped !== 0) text += `,"x":${this.#consoleDropped}`;
    return text + "}";
  }
}
