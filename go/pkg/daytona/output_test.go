package daytona

import (
	"context"
	"strings"
	"testing"
)

func TestOutputNobodyReadsHoldsNothingUpAndIsKept(t *testing.T) {
	o := newOutput("stdout")
	var want strings.Builder
	for i := 0; i < 3*outputRoom; i++ {
		o.add(context.Background(), "piece\n")
		want.WriteString("piece\n")
	}
	o.end()
	var got strings.Builder
	for message := range o.messages {
		if message.Type != "stdout" {
			t.Fatalf("%+v", message)
		}
		got.WriteString(message.Text)
	}
	if got.String() != want.String() {
		t.Errorf("%d bytes of %d", got.Len(), want.Len())
	}
}

func TestTheEndOfTheContextEndsOutputNobodyReads(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	o := newOutput("stdout")
	for i := 0; i < 2*outputRoom; i++ {
		o.add(ctx, "piece")
	}
	cancel()
	o.end()
	// The forwarding goroutine gives up and closes the channel, so that this ends.
	for range o.messages {
	}
}

func TestATerminalWaitsForItsReader(t *testing.T) {
	o := newPtyOutput()
	pushed := make(chan struct{})
	go func() {
		for i := 0; i < 3; i++ {
			o.push(make([]byte, ptyRoom))
		}
		o.end()
		close(pushed)
	}()
	total := 0
	for {
		piece, more := o.pop()
		if !more {
			break
		}
		total += len(piece)
	}
	<-pushed
	if total != 3*ptyRoom {
		t.Errorf("%d bytes", total)
	}
}

func TestATerminalWhoseEndIsWaitedForNeedsNoReader(t *testing.T) {
	o := newPtyOutput()
	o.wait(true)
	for i := byte(0); i < 5; i++ {
		piece := make([]byte, ptyRoom)
		piece[0] = i
		o.push(piece)
	}
	o.end()
	piece, more := o.pop()
	if !more || piece[0] != 4 {
		t.Errorf("the newest output was dropped: %v %v", piece[0], more)
	}
}

func TestAClosedTerminalReleasesItsWriterAndReader(t *testing.T) {
	o := newPtyOutput()
	o.push(make([]byte, ptyRoom))
	released := make(chan struct{})
	go func() {
		o.push([]byte("more"))
		close(released)
	}()
	o.close()
	o.close()
	<-released
	if _, more := o.pop(); more {
		t.Error("a closed terminal has output")
	}
}
