/** One resource of an account: `<type>/<id>`, such as `flows/678df75fc3a91b7e41300001`. */
export type Key = string;

/** The key of a resource. */
export function keyOf(type: string, id: string): Key {
  return `${type}/${id}`;
}
