// What a Kotlin program does: a command, the log of another one as a flow, an error caught by its class and by a more general one.
// It talks to the server of the environment: DAYTONA_API_URL=local with DAYTONA_LOCAL_BINARY and DAYTONA_LOCAL_STATE_DIR.

package io.daytona

import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.fold
import kotlinx.coroutines.runBlocking

fun main() = runBlocking {
    Daytona().use { daytona ->
        val sandbox = daytona.sandboxes().create(CreateSandboxParams())
        try {
            val process = daytona.process(sandbox)
            val answer = process.exec("echo hello", ExecOptions(timeout = 10.0))
            check(answer.result.trim() == "hello" && answer.exitCode == 0L) { answer }

            process.createSession("build")
            val command = process.executeSessionCommand("build", SessionExecuteRequest("echo one; echo two >&2", runAsync = true))
            val log = process.streamSessionCommandLogs("build", command.cmdId).asFlow()
            val texts = log.fold(mapOf<LogChannel, String>()) { all, chunk ->
                all + (chunk.channel to all[chunk.channel].orEmpty() + chunk.data.decodeToString())
            }
            check(texts == mapOf(LogChannel.STDOUT to "one\n", LogChannel.STDERR to "two\n")) { texts }

            // A flow that is left early closes its stream.
            val endless = process.executeSessionCommand("build", SessionExecuteRequest("yes", runAsync = true))
            check(process.streamSessionCommandLogs("build", endless.cmdId).asFlow().first().data.isNotEmpty())
            process.deleteSession("build")

            val files = daytona.fileSystem(sandbox)
            val missing = failure { files.downloadFile("/nowhere") }
            check(missing is DaytonaException.FileNotFound) { "$missing" }
            check(missing is DaytonaException.NotFound && missing.details.status == 404u.toUShort()) { missing.details }
            check(missing.message == missing.details.message) { "${missing.message}" }
            try {
                daytona.sandboxes().get("nobody")
                error("there is a sandbox nobody")
            } catch (gone: DaytonaException.NotFound) {
                check(gone !is DaytonaException.FileNotFound)
            }
        } finally {
            daytona.sandboxes().delete(sandbox.id)
        }
        daytona.shutdown()
        check(failure { daytona.sandboxes().get(sandbox.id) } is DaytonaException.Closed)
    }
    println("Kotlin: 1 passed, 0 failed")
}

/** The error of a call, or nothing. */
private inline fun failure(call: () -> Any?): DaytonaException? = try {
    call()
    null
} catch (error: DaytonaException) {
    error
}
