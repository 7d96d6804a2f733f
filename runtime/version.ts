// Which release this is.

/** As in package.json (a test compares them). */
export const SYSTOLE_VERSION = "0.1.0";

/** What this release can do that others must know: a view uses the least level of its members. */
export const FEATURE_LEVEL = 1;
