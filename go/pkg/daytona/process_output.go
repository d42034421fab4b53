package daytona

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// ProcessOutput is one output of a process: an io.ReadCloser. Not reading it makes the sandbox wait; closing it leaves the
// process alone. Read, Text and Lines may be mixed: each goes on where the one before ended.
type ProcessOutput struct {
	log *LogStream

	mu     sync.Mutex
	unread unread
}

// Read reads bytes, and returns io.EOF at the end.
//
// Errors: ErrConnection when the stream breaks for good, ErrClosed after Close; those of the context the reader was opened with.
func (o *ProcessOutput) Read(p []byte) (n int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.unread.read(p, func() ([]byte, error) { return o.piece(formBytes) })
}

// piece returns the next piece in a form.
func (o *ProcessOutput) piece(form string) ([]byte, error) {
	if o.unread.err != nil {
		return nil, o.unread.err
	}
	chunk, err := o.log.next(form)
	if err != nil {
		o.unread.err = err
		o.log.Close()
	}
	return chunk.Data, err
}

// next takes a whole piece: what is left of the last one, or another.
func (o *ProcessOutput) next(form string) (piece []byte, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if piece, o.unread.piece = o.unread.piece, nil; len(piece) > 0 {
		return piece, nil
	}
	return o.piece(form)
}

// Text returns the output as text for range (Go 1.23; its type is an iter.Seq2), as soon as it is there. Text is never cut
// within a character; bytes that are not UTF-8 become U+FFFD. An error is the last item.
func (o *ProcessOutput) Text() func(yield func(string, error) bool) {
	return func(yield func(string, error) bool) {
		for {
			piece, err := o.next(formCharacters)
			if err == io.EOF || !yield(validText(piece), err) || err != nil {
				return
			}
		}
	}
}

// Lines returns the output line by line for range (Go 1.23; its type is an iter.Seq2), without line ends. Bytes that are not
// UTF-8 become U+FFFD. An error is the last item.
//
//	for line, err := range stdout.Lines() { … }
func (o *ProcessOutput) Lines() func(yield func(string, error) bool) {
	return func(yield func(string, error) bool) {
		var line []byte
		for {
			piece, err := o.next(formBytes)
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
	o.unread.piece = piece
}

// validText replaces what is not UTF-8: each beginning of a character that is not completed, and each other byte.
func validText(data []byte) string {
	if utf8.Valid(data) {
		return string(data)
	}
	var text strings.Builder
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		for r == utf8.RuneError && size < len(data) && size < utf8.UTFMax && !utf8.FullRune(data[:size+1]) {
			size++
		}
		text.WriteRune(r)
		data = data[size:]
	}
	return text.String()
}

// Close ends the reading; a read in flight ends with an error. It may be called any number of times, and never fails.
func (o *ProcessOutput) Close() error { return o.log.Close() }

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
