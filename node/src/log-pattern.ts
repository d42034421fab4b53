import { unusable } from './argument.js';

/** What to look for in a log: a text, or a regular expression in the syntax JavaScript and Rust's `regex` share. */
export type LogPattern = string | RegExp;

/** Flags that mean the same to both. The others say how often to match, which is once. */
const SHARED_FLAGS = /[ims]/g;

/** The pattern as text, and the option that says what it is when it says so itself. */
export function logPattern(pattern: LogPattern): { text: string; regex?: { regex: true } } {
  if (typeof pattern === 'string') {
    return { text: pattern };
  }
  if (!(pattern instanceof RegExp)) {
    throw unusable('pattern', pattern, 'it must be text or a regular expression');
  }
  const flags = pattern.flags.match(SHARED_FLAGS)?.join('');
  return { text: flags ? `(?${flags})${pattern.source}` : pattern.source, regex: { regex: true } };
}
