"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.asyncDispose = void 0;
/** `Symbol.asyncDispose`, also where Node.js does not have it yet: compilers of `await using` look for the same symbol. */
exports.asyncDispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');
