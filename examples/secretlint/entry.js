// What the plugin uses of the two packages; build.sh bundles it.
export { lintSource } from "@secretlint/core";
export { rules as recommendedRules } from "@secretlint/secretlint-rule-preset-recommend";
