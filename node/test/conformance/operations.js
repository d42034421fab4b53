"use strict";
// How the operations of the schema are called through the public API of this package.
Object.defineProperty(exports, "__esModule", { value: true });
exports.operations = void 0;
/** Runs a method of a sandbox and returns the sandbox's data. */
function lifecycle(run) {
    return async (call) => {
        const sandbox = await call.daytona.get(call.args.idOrName);
        const result = await run(sandbox, call);
        return result ?? sandbox.toJSON();
    };
}
async function logs(log, call) {
    if (call.detach) {
        log.close();
        return undefined;
    }
    const result = { stdout: '', stderr: '' };
    for await (const { channel, text } of log) {
        result[channel] += text;
    }
    return result;
}
async function terminal(pty, call) {
    for (const text of call.input) {
        await pty.sendInput(text);
    }
    if (call.detach) {
        await pty.disconnect();
        return undefined;
    }
    const pieces = [];
    for await (const data of pty) {
        pieces.push(data);
    }
    return { output: Buffer.concat(pieces).toString(), ...(await pty.wait()) };
}
/** Runs a method of a spawned process. */
function spawned(run) {
    return async (call) => await run(await call.sandbox.process.attach(call.args.process), call);
}
/** Transfers a directory, or gives it up. */
async function directory(call, transfer) {
    if (!call.detach) {
        return await transfer(call.options);
    }
    const giveUp = new AbortController();
    const given = transfer({ ...call.options, signal: giveUp.signal });
    giveUp.abort();
    await given.catch(() => { });
    return undefined;
}
function upload(file) {
    return { source: file.content ?? file.localPath, destination: file.destination };
}
exports.operations = {
    'sandbox.create': async ({ daytona, args, options }) => (await daytona.create(args.params, options)).toJSON(),
    'sandbox.get': async ({ daytona, args, options }) => (await daytona.get(args.idOrName, options)).toJSON(),
    'sandbox.find_one': async ({ daytona, options }) => (await daytona.findOne(options, options)).toJSON(),
    'sandbox.list': async ({ daytona, args, options }) => {
        const { value } = await daytona.list(args.query, options).parts().next();
        return value;
    },
    'sandbox.list_page': async ({ daytona, options: { labels = {}, page, limit, ...options } }) => await daytona.list(labels, page, limit, options),
    'sandbox.start': lifecycle((sandbox, { options }) => sandbox.start(options)),
    'sandbox.stop': lifecycle((sandbox, { options }) => sandbox.stop(options)),
    'sandbox.delete': lifecycle((sandbox, { options }) => sandbox.delete(options)),
    'sandbox.wait_for_start': lifecycle((sandbox, { options }) => sandbox.waitUntilStarted(options)),
    'sandbox.wait_for_stop': lifecycle((sandbox, { options }) => sandbox.waitUntilStopped(options)),
    'sandbox.archive': lifecycle((sandbox, { options }) => sandbox.archive(options)),
    'sandbox.recover': lifecycle((sandbox, { options }) => sandbox.recover(options)),
    'sandbox.set_labels': lifecycle((sandbox, { args, options }) => sandbox.setLabels(args.labels, options)),
    'sandbox.set_auto_stop_interval': lifecycle((sandbox, { args, options }) => sandbox.setAutostopInterval(args.interval, options)),
    'sandbox.set_auto_archive_interval': lifecycle((sandbox, { args, options }) => sandbox.setAutoArchiveInterval(args.interval, options)),
    'sandbox.set_auto_delete_interval': lifecycle((sandbox, { args, options }) => sandbox.setAutoDeleteInterval(args.interval, options)),
    'sandbox.refresh_activity': lifecycle((sandbox, { options }) => sandbox.refreshActivity(options)),
    'sandbox.update_network_settings': lifecycle((sandbox, { args, options }) => sandbox.updateNetworkSettings(args.settings, options)),
    'sandbox.get_preview_link': lifecycle((sandbox, { args, options }) => sandbox.getPreviewLink(args.port, options)),
    'sandbox.create_signed_preview_url': lifecycle((sandbox, { args, options }) => sandbox.getSignedPreviewUrl(args.port, args.expiresInSeconds, options)),
    'sandbox.expire_signed_preview_url': lifecycle((sandbox, { args, options }) => sandbox.expireSignedPreviewUrl(args.port, args.token, options)),
    'process.exec': ({ sandbox, args, options }) => sandbox.process.executeCommand(args.command, options),
    'process.code_run': ({ sandbox, args, options }) => sandbox.process.codeRun(args.code, { language: args.language }, options),
    'process.create_pty': async (call) => await terminal(await call.sandbox.process.createPty({ id: call.args.sessionId, ...call.options }), call),
    'process.connect_pty': async (call) => await terminal(await call.sandbox.process.connectPty(call.args.sessionId, call.options), call),
    'process.list_pty_sessions': ({ sandbox, options }) => sandbox.process.listPtySessions(options),
    'process.get_pty_session_info': ({ sandbox, args, options }) => sandbox.process.getPtySessionInfo(args.sessionId, options),
    'process.resize_pty_session': ({ sandbox, args, options }) => sandbox.process.resizePtySession(args.sessionId, args.cols, args.rows, options),
    'process.kill_pty_session': ({ sandbox, args, options }) => sandbox.process.killPtySession(args.sessionId, options),
    'process.create_session': ({ sandbox, args, options }) => sandbox.process.createSession(args.sessionId, options),
    'process.get_session': ({ sandbox, args, options }) => sandbox.process.getSession(args.sessionId, options),
    'process.list_sessions': ({ sandbox, options }) => sandbox.process.listSessions(options),
    'process.delete_session': ({ sandbox, args, options }) => sandbox.process.deleteSession(args.sessionId, options),
    'process.execute_session_command': ({ sandbox, args, options }) => sandbox.process.executeSessionCommand(args.sessionId, args.request, options),
    'process.get_session_command': ({ sandbox, args, options }) => sandbox.process.getSessionCommand(args.sessionId, args.commandId, options),
    'process.get_session_command_logs': ({ sandbox, args, options }) => sandbox.process.getSessionCommandLogs(args.sessionId, args.commandId, options),
    'process.stream_session_command_logs': async (call) => {
        const { sessionId, commandId } = call.args;
        return await logs(await call.sandbox.process.streamSessionCommandLogs(sessionId, commandId, call.options), call);
    },
    'process.send_session_command_input': ({ sandbox, args, options }) => sandbox.process.sendSessionCommandInput(args.sessionId, args.commandId, args.data, options),
    'process.get_entrypoint_session': ({ sandbox, options }) => sandbox.process.getEntrypointSession(options),
    'process.get_entrypoint_logs': ({ sandbox, options }) => sandbox.process.getEntrypointLogs(options),
    'process.stream_entrypoint_logs': async (call) => await logs(await call.sandbox.process.streamEntrypointLogs(call.options), call),
    'process.spawn': async ({ sandbox, args, options }) => (await sandbox.process.spawn(args.command, options)).toJSON(),
    'process.list_spawned': async ({ sandbox, options }) => (await sandbox.process.listSpawned(options)).map((process) => process.toJSON()),
    'process.get_spawned': async ({ sandbox, args, options }) => (await sandbox.process.getSpawned(args.processId, options)).toJSON(),
    'process.stream_output': spawned(async (process, call) => logs(await process.output(call.options), call)),
    'process.write_stdin': spawned((process, { args, options }) => process.write(args.data, options)),
    'process.close_stdin': spawned((process, { options }) => process.closeStdin(options)),
    'process.wait_spawned': spawned((process, { options }) => process.wait(options)),
    'process.signal_spawned': spawned((process, { args, options }) => process.sendSignal(args.signal, options)),
    'process.release_spawned': spawned((process, { options }) => process.release(options)),
    'process.wait_for_port': ({ sandbox, args, options }) => sandbox.process.waitForPort(args.port, options),
    'process.wait_for_log': ({ sandbox, args, options }) => sandbox.process.waitForLog(args.sessionId, args.commandId, args.pattern, options),
    'git.clone': ({ sandbox, args, options }) => sandbox.git.clone(args.url, args.path, options),
    'git.status': ({ sandbox, args, options }) => sandbox.git.status(args.path, options),
    'git.add': ({ sandbox, args, options }) => sandbox.git.add(args.path, args.files, options),
    'git.commit': ({ sandbox, args: { path, message, author, email }, options }) => sandbox.git.commit(path, message, author, email, options),
    'git.push': ({ sandbox, args, options }) => sandbox.git.push(args.path, options),
    'git.pull': ({ sandbox, args, options }) => sandbox.git.pull(args.path, options),
    'git.branches': ({ sandbox, args, options }) => sandbox.git.branches(args.path, options),
    'git.create_branch': ({ sandbox, args, options }) => sandbox.git.createBranch(args.path, args.name, options),
    'git.checkout_branch': ({ sandbox, args, options }) => sandbox.git.checkoutBranch(args.path, args.branch, options),
    'git.delete_branch': ({ sandbox, args, options }) => sandbox.git.deleteBranch(args.path, args.name, options),
    'git.history': ({ sandbox, args, options }) => sandbox.git.history(args.path, options),
    'fs.upload_dir': (call) => directory(call, (options) => call.sandbox.fs.uploadDir(call.args.localPath, call.args.remotePath, options)),
    'fs.download_dir': (call) => directory(call, (options) => call.sandbox.fs.downloadDir(call.args.remotePath, call.args.localPath, options)),
    'fs.list_files': ({ sandbox, args, options }) => sandbox.fs.listFiles(args.path, options),
    'fs.get_file_info': ({ sandbox, args, options }) => sandbox.fs.getFileDetails(args.path, options),
    'fs.create_folder': ({ sandbox, args, options }) => sandbox.fs.createFolder(args.path, args.mode, options),
    'fs.delete_file': ({ sandbox, args, options }) => sandbox.fs.deleteFile(args.path, options),
    'fs.move_files': ({ sandbox, args, options }) => sandbox.fs.moveFiles(args.source, args.destination, options),
    'fs.find_files': ({ sandbox, args, options }) => sandbox.fs.findFiles(args.path, args.pattern, options),
    'fs.search_files': ({ sandbox, args, options }) => sandbox.fs.searchFiles(args.path, args.pattern, options),
    'fs.replace_in_files': ({ sandbox, args, options }) => sandbox.fs.replaceInFiles(args.files, args.pattern, args.newValue, options),
    'fs.set_file_permissions': ({ sandbox, args, options }) => sandbox.fs.setFilePermissions(args.path, options),
    'fs.get_user_home_dir': ({ sandbox, options }) => sandbox.getUserHomeDir(options),
    'fs.get_work_dir': ({ sandbox, options }) => sandbox.getWorkDir(options),
    'fs.upload_file': ({ sandbox, args, options }) => {
        const { source, destination } = upload(args.file);
        return sandbox.fs.uploadFile(source, destination, options);
    },
    'fs.upload_files': ({ sandbox, args, options }) => sandbox.fs.uploadFiles(args.files.map(upload), options),
    'fs.open_upload': async ({ sandbox, args, options, pieces, detach }) => {
        const file = await sandbox.fs.openUpload(args.remotePath, options);
        for (const piece of pieces) {
            await file.write(piece);
        }
        if (detach) {
            file.close();
        }
        else {
            await file.finish();
        }
    },
    'fs.download_file': ({ sandbox, args, options }) => sandbox.fs.downloadFile(args.remotePath, options),
    'fs.download_to_path': ({ sandbox, args, options }) => sandbox.fs.downloadFile(args.remotePath, args.localPath, options),
    'fs.download_files': async ({ sandbox, args, options }) => {
        const files = await sandbox.fs.downloadFiles(args.files, options);
        return files.map(({ result, ...others }) => ({
            ...others,
            ...(typeof result === 'string' ? { localPath: result } : { content: result }),
        }));
    },
    'fs.open_download': async ({ sandbox, args, options, detach }) => {
        const file = await sandbox.fs.openDownload(args.remotePath, options);
        if (detach) {
            file.close();
            return undefined;
        }
        return { size: file.size, content: await file.bytes() };
    },
    'code_interpreter.run_code': async ({ sandbox, args, options: { contextId, ...options }, detach }) => {
        if (detach) {
            (await sandbox.codeInterpreter.runCodeStream(args.code, { context: contextId, ...options })).close();
            return undefined;
        }
        return await sandbox.codeInterpreter.runCode(args.code, { context: contextId, ...options });
    },
    'code_interpreter.create_context': ({ sandbox, options: { cwd, ...options } }) => sandbox.codeInterpreter.createContext(cwd, options),
    'code_interpreter.list_contexts': ({ sandbox, options }) => sandbox.codeInterpreter.listContexts(options),
    'code_interpreter.delete_context': ({ sandbox, args, options }) => sandbox.codeInterpreter.deleteContext(args.contextId, options),
};
