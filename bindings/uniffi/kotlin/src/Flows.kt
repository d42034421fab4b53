package io.daytona

import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow

/** The log from its beginning until the command ends. The stream is closed with the flow, which can be collected once. */
fun LogStream.asFlow(): Flow<LogChunk> = pieces { next() }

/** What a run of the interpreter says, until it ends. The stream is closed with the flow, which can be collected once. */
fun InterpreterStream.asFlow(): Flow<InterpreterEvent> = pieces { next() }

/** What a terminal shows, until its process ends. The terminal is closed with the flow, which can be collected once. */
fun Terminal.asFlow(): Flow<ByteArray> = pieces { read() }

/** The content of a file, piece by piece. The download is given up with the flow, which can be collected once. */
fun FileReader.asFlow(): Flow<ByteArray> = pieces { read() }

/** How far a transfer has come, until it is complete. It is given up with the flow, which can be collected once. */
fun DirectoryTransfer.asFlow(): Flow<DirectoryProgress> = pieces { next() }

/** Reads pieces until there are no more, then closes what they come from; also when the collector fails or is cancelled. */
private fun <S : AutoCloseable, T : Any> S.pieces(read: suspend S.() -> T?): Flow<T> = flow {
    use {
        while (true) emit(read() ?: break)
    }
}
