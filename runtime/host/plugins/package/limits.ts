// Bounds of packages that more than one place has to know.

/** Longest bundle, in bytes. */
export const MAX_BUNDLE_BYTES = 4 * 1024 * 1024;

/** Longest time for which a new version may be watched beside the present one. */
export const MAX_SHADOW_MS = 3_600_000;
