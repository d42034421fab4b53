"use strict";
/**
 * Daytona SDK for TypeScript and JavaScript: create sandboxes, run code in them, move files, drive terminals.
 *
 * @packageDocumentation
 */
var __createBinding = (this && this.__createBinding) || (Object.create ? (function(o, m, k, k2) {
    if (k2 === undefined) k2 = k;
    var desc = Object.getOwnPropertyDescriptor(m, k);
    if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
      desc = { enumerable: true, get: function() { return m[k]; } };
    }
    Object.defineProperty(o, k2, desc);
}) : (function(o, m, k, k2) {
    if (k2 === undefined) k2 = k;
    o[k2] = m[k];
}));
var __exportStar = (this && this.__exportStar) || function(m, exports) {
    for (var p in m) if (p !== "default" && !Object.prototype.hasOwnProperty.call(exports, p)) __createBinding(exports, m, p);
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.SpawnedProcess = exports.SandboxList = exports.PaginatedSandboxes = exports.Sandbox = exports.PtyHandle = exports.ProcessOutput = exports.Process = exports.CodeRunParams = exports.debugStats = exports.STDOUT_PREFIX_BYTES = exports.STDERR_PREFIX_BYTES = exports.MAX_PREFIX_LEN = exports.LogStream = exports.setLogger = exports.InterpreterStream = exports.Git = exports.FileWriter = exports.FileSystem = exports.FileReader = exports.Daytona = exports.CodeInterpreter = void 0;
__exportStar(require("./charts.js"), exports);
var code_interpreter_js_1 = require("./code-interpreter.js");
Object.defineProperty(exports, "CodeInterpreter", { enumerable: true, get: function () { return code_interpreter_js_1.CodeInterpreter; } });
var daytona_js_1 = require("./daytona.js");
Object.defineProperty(exports, "Daytona", { enumerable: true, get: function () { return daytona_js_1.Daytona; } });
__exportStar(require("./errors.js"), exports);
var file_reader_js_1 = require("./file-reader.js");
Object.defineProperty(exports, "FileReader", { enumerable: true, get: function () { return file_reader_js_1.FileReader; } });
var file_system_js_1 = require("./file-system.js");
Object.defineProperty(exports, "FileSystem", { enumerable: true, get: function () { return file_system_js_1.FileSystem; } });
var file_writer_js_1 = require("./file-writer.js");
Object.defineProperty(exports, "FileWriter", { enumerable: true, get: function () { return file_writer_js_1.FileWriter; } });
__exportStar(require("./generated/enums.js"), exports);
var git_js_1 = require("./git.js");
Object.defineProperty(exports, "Git", { enumerable: true, get: function () { return git_js_1.Git; } });
var interpreter_stream_js_1 = require("./interpreter-stream.js");
Object.defineProperty(exports, "InterpreterStream", { enumerable: true, get: function () { return interpreter_stream_js_1.InterpreterStream; } });
var log_js_1 = require("./log.js");
Object.defineProperty(exports, "setLogger", { enumerable: true, get: function () { return log_js_1.setLogger; } });
var log_stream_js_1 = require("./log-stream.js");
Object.defineProperty(exports, "LogStream", { enumerable: true, get: function () { return log_stream_js_1.LogStream; } });
Object.defineProperty(exports, "MAX_PREFIX_LEN", { enumerable: true, get: function () { return log_stream_js_1.MAX_PREFIX_LEN; } });
Object.defineProperty(exports, "STDERR_PREFIX_BYTES", { enumerable: true, get: function () { return log_stream_js_1.STDERR_PREFIX_BYTES; } });
Object.defineProperty(exports, "STDOUT_PREFIX_BYTES", { enumerable: true, get: function () { return log_stream_js_1.STDOUT_PREFIX_BYTES; } });
var native_js_1 = require("./native.js");
Object.defineProperty(exports, "debugStats", { enumerable: true, get: function () { return native_js_1.debugStats; } });
var process_js_1 = require("./process.js");
Object.defineProperty(exports, "CodeRunParams", { enumerable: true, get: function () { return process_js_1.CodeRunParams; } });
Object.defineProperty(exports, "Process", { enumerable: true, get: function () { return process_js_1.Process; } });
var process_output_js_1 = require("./process-output.js");
Object.defineProperty(exports, "ProcessOutput", { enumerable: true, get: function () { return process_output_js_1.ProcessOutput; } });
var pty_handle_js_1 = require("./pty-handle.js");
Object.defineProperty(exports, "PtyHandle", { enumerable: true, get: function () { return pty_handle_js_1.PtyHandle; } });
var sandbox_js_1 = require("./sandbox.js");
Object.defineProperty(exports, "Sandbox", { enumerable: true, get: function () { return sandbox_js_1.Sandbox; } });
var sandbox_list_js_1 = require("./sandbox-list.js");
Object.defineProperty(exports, "PaginatedSandboxes", { enumerable: true, get: function () { return sandbox_list_js_1.PaginatedSandboxes; } });
Object.defineProperty(exports, "SandboxList", { enumerable: true, get: function () { return sandbox_list_js_1.SandboxList; } });
var spawned_process_js_1 = require("./spawned-process.js");
Object.defineProperty(exports, "SpawnedProcess", { enumerable: true, get: function () { return spawned_process_js_1.SpawnedProcess; } });
