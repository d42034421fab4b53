// How consoles show the objects of this package: short, and without what may be secret.

/** The name of the method that Node.js, Bun and Deno ask. */
export const inspection: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

/** What that method is given to show a part. */
export type Inspect = (value: unknown, options: object) => string;

/** The text for an object of a class; what is undefined is left out. */
export function shown(name: string, fields: object, options: object, inspect: Inspect): string {
  const known = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  return `${name} ${inspect(known, options)}`;
}
