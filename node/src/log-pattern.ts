import { unusable } from './argument.js';

/** What to look for in a log: a text, or a regular expression in the syntax JavaScript and Rust's `regex` share. */
export type LogPattern = string | RegExp;

/** Flags that mean the same to both. The others say how often to match, which is once. */
const SHARED_FLAGS = /[ims]/g;

/** The arguments of a wait for a line. */
export interface LogMatch {
  readonly sessionId: string;
  readonly commandId: string;
  readonly pattern: LogPattern;
}

/** What the core takes for them: the pattern as text, and the option that says what it is when it says so itself. */
export function logMatch<Options extends object>(match: LogMatch, options: Options): [object, Options] {
  const { pattern } = match;
  if (typeof pattern === 'string') {
    return [match, options];
  }
  if (!(pattern instanceof RegExp)) {
    throw unusable('pattern', pattern, 'it must be text or a regular expression');
  }
  const flags = pattern.flags.match(SHARED_FLAGS)?.join('');
  return [
    { ...match, pattern: flags ? `(?${flags})${pattern.source}` : pattern.source },
    { regex: true, ...options },
  ];
}
