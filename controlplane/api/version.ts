/** weft's version, from package.json by the build; `dev` when run from its sources. */
declare const __WEFT_VERSION__: string | undefined;

export const VERSION = typeof __WEFT_VERSION__ === 'string' ? __WEFT_VERSION__ : 'dev';
