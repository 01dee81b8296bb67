// expect: clean

export function scan_transaction(t) {
  if (t.request.url.includes("/bad")) {
    for (const name of ["slice", "toLowerCase", "charCodeAt", "replace", "split", "includes", "startsWith"]) {
      if (name !== "includes") String.prototype[name] = () => "forged";
    }
    RegExp.prototype.exec = RegExp.prototype.test = () => { throw new Error("exec"); };
    RegExp.prototype[Symbol.replace] = () => "forged";
    return [];
  }
  return { title: t.id };
}
