package daytona

import (
	"strings"
	"unicode/utf8"
)

// textDecoder makes text of bytes that come in pieces. A character that a piece cuts is held back until the rest of it
// comes; bytes that are no UTF-8 become U+FFFD.
type textDecoder struct {
	held []byte
}

// decode returns the text of everything that is complete.
func (d *textDecoder) decode(piece []byte) string {
	data := piece
	if len(d.held) > 0 {
		data = append(d.held, piece...)
	}
	cut := len(data) - incomplete(data)
	text := validText(data[:cut])
	d.held = append([]byte(nil), data[cut:]...)
	return text
}

// finish returns the text of what is left at the end.
func (d *textDecoder) finish() string {
	text := validText(d.held)
	d.held = nil
	return text
}

// incomplete is how many bytes at the end are the beginning of a character.
func incomplete(data []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(data); n++ {
		if last := data[len(data)-n]; utf8.RuneStart(last) {
			if !utf8.FullRune(data[len(data)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
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
