"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.logPattern = logPattern;
const argument_js_1 = require("./argument.js");
/** Flags that mean the same to both. The others say how often to match, which is once. */
const SHARED_FLAGS = /[ims]/g;
/** The pattern as text, and the option that says what it is when it says so itself. */
function logPattern(pattern) {
    if (typeof pattern === 'string') {
        return { text: pattern };
    }
    if (!(pattern instanceof RegExp)) {
        throw (0, argument_js_1.unusable)('pattern', pattern, 'it must be text or a regular expression');
    }
    const flags = pattern.flags.match(SHARED_FLAGS)?.join('');
    return { text: flags ? `(?${flags})${pattern.source}` : pattern.source, regex: { regex: true } };
}
