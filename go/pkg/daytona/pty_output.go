package daytona

import "sync"

// ptyRoom is how many bytes of output wait for a reader.
const ptyRoom = 1 << 20

// ptyOutput is a bounded queue of a terminal's output. When it is full its writer waits, so that the terminal does; but
// when nobody has ever read and somebody waits for the terminal's end, the oldest output is dropped instead.
type ptyOutput struct {
	closed chan struct{} // closed by close

	mu       sync.Mutex
	changed  *sync.Cond
	pieces   [][]byte
	size     int
	waiters  int
	consumed bool
	ended    bool // nothing more will be pushed
	shut     bool // nothing more will be popped
}

func newPtyOutput() *ptyOutput {
	o := &ptyOutput{closed: make(chan struct{})}
	o.changed = sync.NewCond(&o.mu)
	return o
}

// push adds a piece, when there is room for it.
func (o *ptyOutput) push(piece []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.size >= ptyRoom && !o.shut {
		if o.waiters > 0 && !o.consumed {
			o.first()
		} else {
			o.changed.Wait()
		}
	}
	o.pieces = append(o.pieces, piece)
	o.size += len(piece)
	o.changed.Broadcast()
}

// pop waits for the oldest piece; false at the end.
func (o *ptyOutput) pop() (piece []byte, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.pieces) == 0 && !o.ended && !o.shut {
		o.changed.Wait()
	}
	if len(o.pieces) == 0 || o.shut {
		return nil, false
	}
	return o.first(), true
}

// first removes the oldest piece.
func (o *ptyOutput) first() []byte {
	piece := o.pieces[0]
	o.pieces = o.pieces[1:]
	o.size -= len(piece)
	o.changed.Broadcast()
	return piece
}

// consume tells that somebody reads: nothing may be dropped from now on.
func (o *ptyOutput) consume() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.consumed = true
}

// wait tells that somebody waits for the terminal's end, or does not any more.
func (o *ptyOutput) wait(waits bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if waits {
		o.waiters++
	} else {
		o.waiters--
	}
	o.changed.Broadcast()
}

// end tells that nothing more comes: what waits can still be read.
func (o *ptyOutput) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	o.changed.Broadcast()
}

// close lets go of everything that waits, and of everybody.
func (o *ptyOutput) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.shut {
		close(o.closed)
	}
	o.shut, o.pieces, o.size = true, nil, 0
	o.changed.Broadcast()
}

// isClosed tells whether everything has been let go of.
func (o *ptyOutput) isClosed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.shut
}
