/** `Symbol.asyncDispose`, also where Node.js does not have it yet: compilers of `await using` look for the same symbol. */
export const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');
