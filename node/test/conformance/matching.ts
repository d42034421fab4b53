// What a case expects, compared with what came: see tests/conformance/README.md.

/** Why `actual` is not what was expected, or `undefined` when it is. */
export function mismatch(expected: unknown, actual: unknown, at = 'result'): string | undefined {
  const no = () => `${at}: expected ${show(expected)}, got ${show(actual)}`;
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) {
      return no();
    }
    return first(expected.map((item, i) => mismatch(item, actual[i], `${at}[${i}]`)));
  }
  if (expected === null || typeof expected !== 'object') {
    return Object.is(expected, actual ?? null) ? undefined : no();
  }
  const [matcher, operand] = Object.entries(expected)[0] ?? [];
  const text = typeof actual === 'string' ? actual : undefined;
  switch (matcher) {
    case '$contains':
      return text?.includes(operand) ? undefined : no();
    case '$regex':
      return text !== undefined && new RegExp(operand).test(text) ? undefined : no();
    case '$type':
      return typeName(actual) === operand ? undefined : no();
    case '$some':
      return Array.isArray(actual) && actual.some((item) => mismatch(operand, item) === undefined) ? undefined : no();
    case '$length':
      return (actual as { length?: number } | undefined)?.length === operand ? undefined : no();
    case '$absent':
      return (actual ?? undefined) === undefined ? undefined : no();
    case '$text':
    case '$base64': {
      const bytes = Buffer.from(operand, matcher === '$text' ? 'utf8' : 'base64');
      return actual instanceof Uint8Array && bytes.equals(actual) ? undefined : no();
    }
  }
  if (actual === null || typeof actual !== 'object') {
    return no();
  }
  const fields = Object.entries(expected);
  return first(
    fields.map(([name, value]) => mismatch(value, (actual as Record<string, unknown>)[name], `${at}.${name}`)),
  );
}

function first(reasons: (string | undefined)[]): string | undefined {
  return reasons.find((reason) => reason !== undefined);
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) {
    return 'null';
  }
  return Array.isArray(value) ? 'list' : typeof value;
}

function show(value: unknown): string {
  const text = value instanceof Uint8Array ? `${value.length} bytes` : JSON.stringify(value);
  return text === undefined || text.length <= 300 ? String(text) : `${text.slice(0, 300)}…`;
}

/** `value` with `${name}` replaced everywhere and bytes turned into buffers. */
export function resolve(value: unknown, names: Record<string, unknown>): unknown {
  if (typeof value === 'string') {
    const whole = /^\$\{(\w+)\}$/.exec(value);
    return whole
      ? lookup(names, whole[1] as string)
      : value.replace(/\$\{(\w+)\}/g, (_, name) => String(lookup(names, name)));
  }
  if (Array.isArray(value)) {
    return value.map((item) => resolve(item, names));
  }
  if (value === null || typeof value !== 'object') {
    return value;
  }
  const entries = Object.entries(value).map(([key, item]) => [resolve(key, names), resolve(item, names)]);
  return Object.fromEntries(entries);
}

/** Arguments with bytes as buffers. */
export function withBytes(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(withBytes);
  }
  if (value === null || typeof value !== 'object') {
    return value;
  }
  if ('$text' in value) {
    return Buffer.from(String(value.$text));
  }
  if ('$base64' in value) {
    return Buffer.from(String(value.$base64), 'base64');
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withBytes(item)]));
}

function lookup(names: Record<string, unknown>, name: string): unknown {
  if (!(name in names)) {
    throw new Error(`nothing is saved as ${name}`);
  }
  return names[name];
}
