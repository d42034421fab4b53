"use strict";
// What a case expects, compared with what came: see tests/conformance/README.md.
Object.defineProperty(exports, "__esModule", { value: true });
exports.mismatch = mismatch;
exports.resolve = resolve;
exports.withBytes = withBytes;
/** Why `actual` is not what was expected, or `undefined` when it is. */
function mismatch(expected, actual, at = 'result') {
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
            return actual?.length === operand ? undefined : no();
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
    return first(fields.map(([name, value]) => mismatch(value, actual[name], `${at}.${name}`)));
}
function first(reasons) {
    return reasons.find((reason) => reason !== undefined);
}
function typeName(value) {
    if (value === null || value === undefined) {
        return 'null';
    }
    return Array.isArray(value) ? 'list' : typeof value;
}
function show(value) {
    const text = value instanceof Uint8Array ? `${value.length} bytes` : JSON.stringify(value);
    return text === undefined || text.length <= 300 ? String(text) : `${text.slice(0, 300)}…`;
}
/** `value` with `${name}` replaced everywhere and bytes turned into buffers. */
function resolve(value, names) {
    if (typeof value === 'string') {
        const whole = /^\$\{(\w+)\}$/.exec(value);
        return whole
            ? lookup(names, whole[1])
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
function withBytes(value) {
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
function lookup(names, name) {
    if (!(name in names)) {
        throw new Error(`nothing is saved as ${name}`);
    }
    return names[name];
}
