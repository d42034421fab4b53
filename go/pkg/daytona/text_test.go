package daytona

import (
	"strings"
	"testing"
)

func TestBytesThatAreNoTextAreReplaced(t *testing.T) {
	tests := []struct{ in, want string }{
		{"a\xffb", "a\uFFFDb"},
		{"a\xe2\x82", "a\uFFFD"},
		{"a\xe2\x82b", "a\uFFFDb"},
		{"a\xf0\x9f\x98\xe2\x82\xac", "a\uFFFD€"},
		{"\x80\x80\x80\x80", strings.Repeat("\uFFFD", 4)},
	}
	for _, test := range tests {
		if got := validText([]byte(test.in)); got != test.want {
			t.Errorf("%q: got %q, want %q", test.in, got, test.want)
		}
	}
}
