"use strict";
// What the client does reaches a program's own logging, without secrets.
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_test_1 = require("node:test");
const sdk_1 = require("@daytonaio/sdk");
const support_js_1 = require("./support.js");
(0, node_test_1.afterEach)(() => (0, sdk_1.setLogger)());
(0, node_test_1.test)('requests reach the logger with method, URL, status, time and id, and no secrets', async () => {
    const url = await (0, support_js_1.server)((_request, response) => (0, support_js_1.answer)(response, 404, { message: 'no such sandbox' }, { 'x-request-id': 'r-1' }));
    const records = [];
    (0, sdk_1.setLogger)((record) => records.push(record), 'debug');
    const daytona = (0, support_js_1.clientOf)(url, 'sesame-key');
    const error = (await daytona.get('a-sandbox').catch((error) => error));
    daytona.close();
    strict_1.default.equal(error.method, 'GET');
    strict_1.default.equal(error.url, `${url}/sandbox/a-sandbox`);
    const answered = records.find(({ fields }) => fields.status === 404);
    strict_1.default.ok(answered?.time instanceof Date && Date.now() - answered.time.getTime() < 60_000);
    strict_1.default.equal(answered.level, 'debug');
    const { method, url: logged, operation, requestId, durationMs } = answered.fields;
    strict_1.default.deepEqual({ method, logged, operation }, { method: 'GET', logged: error.url, operation: 'sandbox.get' });
    strict_1.default.equal(typeof durationMs, 'number');
    strict_1.default.equal(requestId, error.requestId);
    strict_1.default.doesNotMatch(JSON.stringify(records), /sesame/);
});
(0, node_test_1.test)('a logger gets its level, and nothing once it has been taken back', async () => {
    const url = await (0, support_js_1.server)((_request, response) => (0, support_js_1.answer)(response, 404, { message: 'no' }));
    const daytona = (0, support_js_1.clientOf)(url);
    const levels = new Set();
    (0, sdk_1.setLogger)(({ level }) => levels.add(level));
    await daytona.get('a').catch(() => { });
    strict_1.default.ok(levels.has('info') && !levels.has('debug'), [...levels].join());
    levels.clear();
    (0, sdk_1.setLogger)();
    await daytona.get('a').catch(() => { });
    daytona.close();
    strict_1.default.equal(levels.size, 0);
});
(0, node_test_1.test)('a logger that throws does not break the call', async () => {
    const url = await (0, support_js_1.server)((_request, response) => (0, support_js_1.answer)(response, 200, { id: 'a', name: 'n' }));
    const warning = new Promise((done) => process.once('warning', done));
    (0, sdk_1.setLogger)(() => {
        throw new Error('disk full');
    }, 'debug');
    const daytona = (0, support_js_1.clientOf)(url);
    strict_1.default.equal((await daytona.get('a')).id, 'a');
    daytona.close();
    strict_1.default.match((await warning).message, /disk full/);
});
(0, node_test_1.test)('a level that does not exist is refused', () => {
    strict_1.default.throws(() => (0, sdk_1.setLogger)(() => { }, 'loud'), {
        name: 'DaytonaInvalidArgumentError',
        message: /loud/,
    });
    strict_1.default.throws(() => (0, sdk_1.setLogger)('debug'), { name: 'DaytonaInvalidArgumentError' });
});
