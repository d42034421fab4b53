"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_test_1 = require("node:test");
const node_util_1 = require("node:util");
const sdk_1 = require("@daytonaio/sdk");
const support_js_1 = require("./support.js");
(0, node_test_1.test)('an error tells all the server said', async () => {
    const url = await (0, support_js_1.server)((_, response) => {
        const body = { message: 'slow down', code: 'TOO_MANY', source: 'DAYTONA_API' };
        (0, support_js_1.answer)(response, 429, body, { 'Retry-After': '0.01', 'X-Request-Id': 'r-1' });
    });
    const error = await (0, support_js_1.clientOf)(url)
        .get('x')
        .then(() => strict_1.default.fail('no error'))
        .catch((error) => error);
    strict_1.default.ok(error instanceof sdk_1.DaytonaRateLimitError && error instanceof sdk_1.DaytonaError && error instanceof Error);
    strict_1.default.equal(error.name, 'DaytonaRateLimitError');
    strict_1.default.equal(error.message.includes('slow down'), true);
    strict_1.default.equal(error.statusCode, 429);
    strict_1.default.equal(error.code, 'TOO_MANY');
    strict_1.default.equal(error.errorCode, 'TOO_MANY');
    strict_1.default.equal(error.source, 'DAYTONA_API');
    strict_1.default.equal(error.requestId, 'r-1');
    strict_1.default.equal(error.operation, 'sandbox.get');
    strict_1.default.equal(error.retryable, true);
    strict_1.default.equal(error.headers?.get('RETRY-AFTER'), '0.01');
});
(0, node_test_1.test)('the stack of an error leads to the caller', async () => {
    const url = await (0, support_js_1.server)((_, response) => (0, support_js_1.answer)(response, 404, { message: 'no such sandbox' }));
    async function theCaller() {
        await (0, support_js_1.clientOf)(url).get('x');
    }
    const error = await theCaller().catch((error) => error);
    strict_1.default.ok(error instanceof sdk_1.DaytonaNotFoundError);
    strict_1.default.match(error.stack ?? '', /^DaytonaNotFoundError: no such sandbox/);
    strict_1.default.match(error.stack ?? '', /theCaller/);
});
(0, node_test_1.test)('an error is of its kind and of those above it', () => {
    strict_1.default.ok(sdk_1.DaytonaInvalidArgumentError.prototype instanceof sdk_1.DaytonaValidationError);
    strict_1.default.ok(sdk_1.DaytonaUnprocessableEntityError.prototype instanceof sdk_1.DaytonaValidationError);
    strict_1.default.equal(sdk_1.DaytonaBadRequestError, sdk_1.DaytonaValidationError);
    strict_1.default.equal(sdk_1.DaytonaForbiddenError, sdk_1.DaytonaAuthorizationError);
    const timeout = new sdk_1.DaytonaConnectionTimeoutError('late');
    strict_1.default.ok(timeout instanceof sdk_1.DaytonaTimeoutError);
    strict_1.default.equal(timeout instanceof sdk_1.DaytonaProcessExecutionTimeoutError, false);
    strict_1.default.equal(new sdk_1.DaytonaNotFoundError('x') instanceof sdk_1.DaytonaTimeoutError, false);
});
(0, node_test_1.test)('errors can be made the documented way', () => {
    const error = new sdk_1.DaytonaNotFoundError('gone', 404, { 'X-A': '1' }, 'CODE');
    strict_1.default.equal(error.statusCode, 404);
    strict_1.default.equal(error.headers?.get('x-a'), '1');
    strict_1.default.equal(error.errorCode, 'CODE');
    strict_1.default.equal(error.retryable, false);
    strict_1.default.equal('source' in error, false);
});
(0, node_test_1.test)('a bad argument is refused before any request', async () => {
    const daytona = (0, support_js_1.clientOf)('http://127.0.0.1:9');
    await strict_1.default.rejects(daytona.findOne({}), sdk_1.DaytonaInvalidArgumentError);
    await strict_1.default.rejects(Promise.resolve(daytona.list({ minCpu: 2 })), sdk_1.DaytonaInvalidArgumentError);
});
(0, node_test_1.test)('credentials appear neither in a client nor in its errors', async () => {
    const url = await (0, support_js_1.server)((_, response) => (0, support_js_1.answer)(response, 401, { message: 'no' }));
    const secret = 'dtn_very_secret';
    const daytona = (0, support_js_1.clientOf)(url, secret);
    const error = await daytona.get('x').catch((error) => error);
    for (const value of [daytona, error]) {
        strict_1.default.equal((0, node_util_1.inspect)(value, { depth: 10, showHidden: true }).includes(secret), false);
        strict_1.default.equal(String(JSON.stringify(value)).includes(secret), false);
    }
});
(0, node_test_1.test)('a closed client refuses calls', async () => {
    const daytona = (0, support_js_1.clientOf)('http://127.0.0.1:9');
    daytona.close();
    daytona.close();
    await strict_1.default.rejects(daytona.get('x'), sdk_1.DaytonaClosedError);
});
(0, node_test_1.test)('a client without credentials is refused', () => {
    const env = process.env;
    process.env = {};
    try {
        strict_1.default.throws(() => new sdk_1.Daytona({ apiUrl: 'ftp://nowhere' }), sdk_1.DaytonaInvalidArgumentError);
    }
    finally {
        process.env = env;
    }
});
