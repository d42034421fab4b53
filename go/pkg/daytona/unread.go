package daytona

// unread is what is left of the piece that was read last, behind an io.Reader.
type unread struct {
	piece []byte
	err   error // of the last piece, and of every read from then on
}

// read copies what is there, or of the next piece.
func (u *unread) read(p []byte, next func() ([]byte, error)) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(u.piece) == 0 {
		if u.err != nil {
			return 0, u.err
		}
		u.piece, u.err = next()
	}
	n := copy(p, u.piece)
	u.piece = u.piece[n:]
	return n, nil
}
