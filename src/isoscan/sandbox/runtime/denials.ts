/**
 * What a plugin was not granted is not there, and each time it looks for it is told.
 *
 * A plugin can import this file, so it exports nothing that holds a capability or state:
 * what it makes knows only the callback it was given.
 */

import { apply, type Callable, construct, createObject, defineProperty, NativeError } from "./captured.ts";

/** Hears of each attempt: which permission it would have needed, and for what. */
export type Tell = (permission: string, target: string) => void;

/** Members of the real `Deno` namespace by the permission they need. */
const NAMESPACE = {
  read: "readFile readFileSync readTextFile readTextFileSync open openSync stat statSync lstat lstatSync " +
    "readDir readDirSync readLink readLinkSync realPath realPathSync watchFs cwd",
  write: "writeFile writeFileSync writeTextFile writeTextFileSync create createSync mkdir mkdirSync remove " +
    "removeSync rename renameSync copyFile copyFileSync chmod chmodSync chown chownSync symlink " +
    "symlinkSync link linkSync truncate truncateSync utime utimeSync makeTempDir makeTempDirSync " +
    "makeTempFile makeTempFileSync chdir",
  net: "connect connectTls startTls listen listenTls listenDatagram resolveDns serve upgradeWebSocket " +
    "createHttpClient",
  run: "Command run kill",
  env: "env",
  ffi: "dlopen",
  sys: "hostname osRelease osUptime loadavg networkInterfaces systemMemoryInfo uid gid execPath",
  storage: "openKv",
};
const GLOBALS = {
  net: "fetch WebSocket EventSource XMLHttpRequest WebTransport",
  worker: "Worker SharedWorker",
  wasm: "WebAssembly",
  storage: "localStorage sessionStorage indexedDB caches",
};
const TARGET_CHARS = 200;

/** `members` as a namespace in which looking for a member of the real one is told. */
export function tellingNamespace(members: object, tell: Tell): object {
  const permissions = byName(NAMESPACE);
  return new Proxy(Object.freeze(members), {
    get(target, name) {
      const permission = typeof name === "string" ? permissions[name] : undefined;
      if (permission !== undefined) tell(permission, `Deno.${name as string}`);
      return (target as Record<string | symbol, unknown>)[name];
    },
  });
}

/**
 * Has looking for a global told, unless it is there. The names are put on the global's prototype,
 * where they answer `undefined`: whoever lists or asks the type of a global finds nothing.
 */
export function tellOfGlobals(global: object, tell: Tell): void {
  const permissions = byName(GLOBALS);
  const prototype = Object.getPrototypeOf(global);
  for (const name of Object.keys(permissions)) {
    if (name in global) continue;
    defineProperty(prototype, name, {
      get: () => tell(permissions[name], name),
      // Assigned to, it is an ordinary variable, as it would be were nothing here.
      set: (value) =>
        defineProperty(global, name, { value, writable: true, enumerable: true, configurable: true }),
      enumerable: false,
      configurable: true,
    });
  }
}

/** Network was granted, but not to every host: what Deno itself refuses is told too. */
export function tellOfRefusals(global: Record<string, unknown>, tell: Tell): void {
  const watched = (target: unknown, error: unknown) => {
    if (error instanceof NativeError && error.name === "NotCapable") tell("net", asText(target));
    return error;
  };
  const fetch = global.fetch as Callable;
  const hide = (name: string, value: unknown) =>
    defineProperty(global, name, { value, writable: true, enumerable: false, configurable: true });
  hide("fetch", async (...args: unknown[]) => {
    try {
      return await apply(fetch, undefined, args);
    } catch (error) {
      throw watched(args[0], error);
    }
  });
  hide(
    "WebSocket",
    new Proxy(global.WebSocket as new (url: unknown) => object, {
      construct(target, args, newTarget) {
        try {
          return construct(target, args, newTarget) as object;
        } catch (error) {
          throw watched(args[0], error);
        }
      },
    }),
  );
}

/** Tells of an attempt and makes the error for it. */
export function refusal(permission: string, target: string, tell: Tell): Error {
  const shown = target.length > TARGET_CHARS ? "" : target;
  tell(permission, shown);
  const error = new NativeError(
    `Requires ${permission} access${shown === "" ? "" : ` to "${shown}"`}, which the plugin was not granted`,
  );
  defineProperty(error, "name", { value: "NotCapable", enumerable: false });
  return error;
}

/** A URL, a request, or anything the plugin made up, as text; `""` when it throws. */
function asText(target: unknown): string {
  try {
    const url = (target as { url?: unknown }).url;
    return typeof url === "string" ? url : `${target}`;
  } catch {
    return "";
  }
}

function byName(table: Record<string, string>): Record<string, string> {
  const permissions = createObject(null) as Record<string, string>;
  for (const permission of Object.keys(table)) {
    for (const name of table[permission].split(" ")) permissions[name] = permission;
  }
  return permissions;
}
