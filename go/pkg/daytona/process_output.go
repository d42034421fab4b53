package daytona

import (
	"bytes"
	"context"
	"io"
	"sync"
)

// ProcessOutput is one output of a process: an io.ReadCloser. Not reading it makes the sandbox wait; closing it leaves the
// process alone.
type ProcessOutput struct {
	log *LogStream

	mu   sync.Mutex
	rest []byte // of the piece that was read last
	err  error  // of the last read, and of every one from then on
}

// Read reads bytes, and returns io.EOF at the end.
//
// Errors: Connection when the stream breaks for good, Closed after Close; those of the context the reader was opened with.
func (o *ProcessOutput) Read(p []byte) (n int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	piece, err := o.piece()
	n = copy(p, piece)
	o.rest = piece[n:]
	return n, err
}

// piece returns what is left of the last piece, or else the next one.
func (o *ProcessOutput) piece() ([]byte, error) {
	for len(o.rest) == 0 && o.err == nil {
		chunk, err := o.log.Next()
		o.rest, o.err = chunk.Data, err
		if err != nil {
			o.log.Close()
		}
	}
	if len(o.rest) == 0 {
		return nil, o.err
	}
	return o.rest, nil
}

// next takes a whole piece.
func (o *ProcessOutput) next() ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	piece, err := o.piece()
	o.rest = nil
	return piece, err
}

// Text returns the output as text for range (Go 1.23; its type is an iter.Seq2), as soon as it is there. Text is never cut
// within a character; bytes that are no UTF-8 become U+FFFD. An error is the last item.
func (o *ProcessOutput) Text() func(yield func(string, error) bool) {
	return func(yield func(string, error) bool) {
		var decoder textDecoder
		for {
			piece, err := o.next()
			if err != nil {
				if text := decoder.finish(); text != "" && !yield(text, nil) {
					return
				}
				if err != io.EOF {
					yield("", err)
				}
				return
			}
			if text := decoder.decode(piece); text != "" && !yield(text, nil) {
				// What was not given out is for the next one who reads.
				o.giveBack(decoder.held)
				return
			}
		}
	}
}

// Lines returns the output line by line for range (Go 1.23; its type is an iter.Seq2), without line ends. Bytes that are no
// UTF-8 become U+FFFD. An error is the last item.
//
//	for line, err := range stdout.Lines() { … }
func (o *ProcessOutput) Lines() func(yield func(string, error) bool) {
	return func(yield func(string, error) bool) {
		var line []byte
		for {
			piece, err := o.next()
			if err != nil {
				if len(line) > 0 && !yield(validText(line), nil) {
					return
				}
				if err != io.EOF {
					yield("", err)
				}
				return
			}
			for {
				end := bytes.IndexByte(piece, '\n')
				if end < 0 {
					line = append(line, piece...)
					break
				}
				whole := bytes.TrimSuffix(append(line, piece[:end]...), []byte("\r"))
				line, piece = line[:0], piece[end+1:]
				if !yield(validText(whole), nil) {
					// What was not given out is for the next one who reads.
					o.giveBack(piece)
					return
				}
			}
		}
	}
}

func (o *ProcessOutput) giveBack(piece []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rest = piece
}

// Close ends the reading; a read in flight ends with an error. It may be called any number of times, and never fails.
func (o *ProcessOutput) Close() error { return o.log.Close() }

// textWriter calls a function with the text that is written to it.
type textWriter struct {
	call    func(text string)
	decoder textDecoder
}

func (w *textWriter) Write(p []byte) (n int, err error) {
	w.tell(w.decoder.decode(p))
	return len(p), nil
}

func (w *textWriter) finish() { w.tell(w.decoder.finish()) }

func (w *textWriter) tell(text string) {
	if text != "" && w.call != nil {
		w.call(text)
	}
}

// processInput is the standard input of a process.
type processInput struct {
	ctx     context.Context
	process *SpawnedProcess
}

func (i processInput) Write(p []byte) (n int, err error) {
	if err := i.process.WriteStdin(i.ctx, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (i processInput) Close() error { return i.process.CloseStdin(i.ctx) }
