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

/**
 * Has consoles show a result, and what is in it, without the fields of these names. The result stays a plain object: its fields,
 * comparisons and JSON are what they were.
 */
export function hidden<T>(result: T, names: readonly string[]): T {
  if (typeof result === 'object' && result !== null) {
    for (const part of Object.values(result)) {
      hidden(part, names);
    }
    const secrets = names.filter((name) => result[name as keyof T]).map((name) => [name, '[secret]']);
    if (secrets.length > 0) {
      const value = (_depth: number, options: object, inspect: Inspect) =>
        inspect({ ...result, ...Object.fromEntries(secrets) }, options);
      Object.defineProperty(result, inspection, { value, configurable: true });
    }
  }
  return result;
}
