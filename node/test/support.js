"use strict";
// What the tests share: the real engine, and a server that answers as a test wants.
Object.defineProperty(exports, "__esModule", { value: true });
exports.sandboxForFile = sandboxForFile;
exports.server = server;
exports.answer = answer;
exports.clientOf = clientOf;
exports.until = until;
const node_http_1 = require("node:http");
const node_test_1 = require("node:test");
const sdk_1 = require("@daytonaio/sdk");
/**
 * Makes a sandbox of the engine the environment selects (DAYTONA_API_URL=local) for the tests of a file.
 *
 * @param use - Takes it, and prepares it before the first test.
 */
function sandboxForFile(use) {
    const daytona = new sdk_1.Daytona();
    let sandbox;
    (0, node_test_1.before)(async () => {
        sandbox = await daytona.create();
        await use(sandbox);
    });
    (0, node_test_1.after)(async () => {
        await sandbox?.delete();
        daytona.close();
    });
}
/** A server for faults the engine does not have. Returns its URL; it is closed after the test. */
async function server(handle) {
    const listening = (0, node_http_1.createServer)(handle);
    await new Promise((done) => listening.listen(0, '127.0.0.1', done));
    (0, node_test_1.after)(() => {
        listening.closeAllConnections();
        listening.close();
    });
    return `http://127.0.0.1:${listening.address().port}`;
}
/** Answers JSON. */
function answer(response, status, body, headers = {}) {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
}
/** A client of such a server. */
function clientOf(url, apiKey = 'a-key') {
    return new sdk_1.Daytona({ apiUrl: url, apiKey, useDeprecatedPolling: true });
}
/** Waits until a condition holds; the test's own limit ends a wait in vain. */
async function until(condition) {
    while (!(await condition())) {
        await new Promise((done) => setTimeout(done, 20));
    }
}
