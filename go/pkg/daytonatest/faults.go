package daytonatest

import "encoding/json"

// Rule is a fault and the requests it is for.
type Rule struct {
	// Method is the HTTP method; "" for any.
	Method string `json:"method,omitempty"`
	// Path is text that the request's path and query must contain.
	Path string `json:"path"`
	// Skip is the number of fitting requests that pass first.
	Skip int `json:"skip"`
	// Times is the number of requests that fail; 0 for one, [All] for all.
	Times Times `json:"times"`
	// Do is the fault.
	Do Fault `json:"do"`
}

// Times is a number of requests.
type Times int

// All makes a rule apply to all requests it fits.
const All Times = -1

// MarshalJSON writes the number as the engine reads it: 0 is all there.
func (n Times) MarshalJSON() ([]byte, error) {
	switch {
	case n == 0:
		return []byte("1"), nil
	case n < 0:
		return []byte("0"), nil
	}
	return json.Marshal(int(n))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (n *Times) UnmarshalJSON(text []byte) error {
	var number int
	if err := json.Unmarshal(text, &number); err != nil {
		return err
	}
	if *n = Times(number); number == 0 {
		*n = All
	}
	return nil
}

// Fault is what goes wrong. Exactly one field is set.
type Fault struct {
	// Drop breaks the connection "before" the request is looked at, or "after" it was carried out.
	Drop string `json:"drop,omitempty"`
	// Delay lets the request wait for so many seconds.
	Delay float64 `json:"delay,omitempty"`
	// Answer is given instead of the engine's own.
	Answer *Answer `json:"answer,omitempty"`
	// Cut breaks the connection after so many bytes of the answer behind its head.
	Cut int `json:"cut,omitempty"`
	// SlowStart lets the next sandbox that starts take so many seconds longer.
	SlowStart float64 `json:"slowStart,omitempty"`
	// Kill lets the processes of the request's sandbox die before the request arrives.
	Kill bool `json:"kill,omitempty"`
}

// Answer is an answer instead of the engine's own.
type Answer struct {
	// Status is the HTTP status, 200 to 599.
	Status int `json:"status"`
	// Headers are its headers.
	Headers map[string]string `json:"headers,omitempty"`
	// Body is its body.
	Body string `json:"body,omitempty"`
	// Committed says that the request is carried out first, so that only its answer is lost.
	Committed bool `json:"committed,omitempty"`
}
