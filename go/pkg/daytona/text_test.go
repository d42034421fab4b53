package daytona

import (
	"strings"
	"testing"
)

func TestTextIsTheSameWhereverItsBytesAreCut(t *testing.T) {
	const text = "aé€😀 – ende"
	for first := 0; first <= len(text); first++ {
		for second := first; second <= len(text); second++ {
			var decoder textDecoder
			got := decoder.decode([]byte(text[:first])) + decoder.decode([]byte(text[first:second])) +
				decoder.decode([]byte(text[second:])) + decoder.finish()
			if got != text {
				t.Fatalf("cut at %d and %d: %q", first, second, got)
			}
		}
	}
}

func TestBytesThatAreNoTextAreReplaced(t *testing.T) {
	tests := []struct{ in, want string }{
		{"a\xffb", "a\uFFFDb"},
		{"a\xe2\x82", "a\uFFFD"},
		{"a\xe2\x82b", "a\uFFFDb"},
		{"a\xf0\x9f\x98\xe2\x82\xac", "a\uFFFD€"},
		{"\x80\x80\x80\x80", strings.Repeat("\uFFFD", 4)},
	}
	for _, test := range tests {
		var decoder textDecoder
		if got := decoder.decode([]byte(test.in)) + decoder.finish(); got != test.want {
			t.Errorf("%q: got %q, want %q", test.in, got, test.want)
		}
	}
}
