/** Folder of the installed package: one above both `src` and `dist`. */
export const PACKAGE_ROOT = new URL('../', import.meta.url);
