// Bounds of packages that more than one place has to know.

/** Longest bundle, in bytes. */
export const MAX_BUNDLE_BYTES = 4 * 1024 * 1024;
