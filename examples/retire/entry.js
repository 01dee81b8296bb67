// What the plugin uses of retire: the part that matches and compares, which needs nothing of Node's.
// Not the command line, the file walker, the download of the data and the syntax tree search.
export { isAtOrAbove, replaceVersion, scanFileContent, scanFileName, scanUri } from "retire/lib/retire.js";
