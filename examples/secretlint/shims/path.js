// Of node:path the rules use one function, on a name out of a URL.
export function basename(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}
export default { basename };
