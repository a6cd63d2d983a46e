import { RESOURCE_TYPES } from '../src/catalogue/index.ts';

/** The collections that a run lists unless told otherwise: type → path and parameters of the first page. */
export function listings(): Readonly<Record<string, string>> {
  const listed = RESOURCE_TYPES.filter(({ presence, list }) => presence !== 'optIn' && !list.below);
  return Object.fromEntries(
    listed.map(({ name, list: { path, paged, query } }) => {
      const parameters = new URLSearchParams({ ...(paged === false ? {} : { limit: '1000' }), ...query });
      return [name, `${path}?${parameters}`];
    }),
  );
}
