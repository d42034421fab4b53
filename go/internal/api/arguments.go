package api

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/daytonaio/daytona/libs/sdk-go/internal/ffi"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
)

// Call is an operation with its arguments, which are added one after the other and written as JSON at once. What cannot be sent
// is the error of the call.
type Call struct {
	client      *ffi.Client
	op          string
	request     []byte
	attachments [][]byte
	place       []place
	err         error
}

// place is an object or a list that is being written.
type place struct {
	name string
	// items of a list so far; -1 in an object.
	items int
}

// requestRoom is for most requests.
const requestRoom = 512

// Op begins a call of an operation.
func (c Caller) Op(name string) *Call {
	request := append(make([]byte, 0, requestRoom), '{')
	request = append(request, c.target...)
	return &Call{client: c.client, op: name, request: append(request, `"args":{`...)}
}

// Open begins an object.
func (c *Call) Open(name string) {
	c.key(name)
	c.request = append(c.request, '{')
	c.place = append(c.place, place{name, -1})
}

// Close ends an object.
func (c *Call) Close() {
	c.request = append(c.request, '}')
	c.place = c.place[:len(c.place)-1]
}

// List adds a list whose items are added by a function; they have no names.
func List[T any](c *Call, name string, values []T, add func(c *Call, name string, value *T)) {
	c.openList(name)
	for i := range values {
		add(c, "", &values[i])
	}
	c.closeList()
}

// Texts adds a list of texts.
func Texts[T ~string](c *Call, name string, values []T) {
	c.openList(name)
	for _, value := range values {
		c.Text("", string(value))
	}
	c.closeList()
}

func (c *Call) openList(name string) {
	c.key(name)
	c.request = append(c.request, '[')
	c.place = append(c.place, place{name, 0})
}

func (c *Call) closeList() {
	c.request = append(c.request, ']')
	c.place = c.place[:len(c.place)-1]
}

// Map adds texts by name.
func (c *Call) Map(name string, values map[string]string) {
	c.Open(name)
	for key, value := range values {
		// %+q names a key that is not UTF-8 as well.
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			c.refuse(fmt.Sprintf("[%+q]", key))
		}
		c.separate()
		c.request = append(appendText(c.request, key), ':')
		c.request = appendText(c.request, value)
	}
	c.Close()
}

// Text adds a text. One that is not UTF-8 is refused: JSON would carry another text in its place, and a command or a path would
// become another one.
func (c *Call) Text(name, value string) {
	c.key(name)
	if !utf8.ValidString(value) {
		c.refuse(name)
	}
	c.request = appendText(c.request, value)
}

// Bool adds a truth value.
func (c *Call) Bool(name string, value bool) {
	c.key(name)
	c.request = strconv.AppendBool(c.request, value)
}

// Int adds a whole number.
func (c *Call) Int(name string, value int) {
	c.key(name)
	c.request = strconv.AppendInt(c.request, int64(value), 10)
}

// Float adds a number.
func (c *Call) Float(name string, value float64) {
	c.key(name)
	if math.IsNaN(value) || math.IsInf(value, 0) {
		c.fail(fmt.Sprintf("The argument %s is %v, not a number.", c.at(name), value))
	}
	c.request = strconv.AppendFloat(c.request, value, 'f', -1, 64)
}

// Seconds adds a length of time.
func (c *Call) Seconds(name string, value time.Duration) { c.Float(name, value.Seconds()) }

// Time adds a point in time.
func (c *Call) Time(name string, value time.Time) { c.Text(name, value.UTC().Format(time.RFC3339Nano)) }

// JSON adds a value as encoding/json writes it.
func (c *Call) JSON(name string, value any) {
	c.key(name)
	text, err := json.Marshal(value)
	if err != nil {
		c.fail(fmt.Sprintf("The argument %s is not usable: %v.", c.at(name), err))
	}
	c.request = append(c.request, text...)
}

// Bytes adds bytes, which do not travel in JSON: it has their index among the attachments.
func (c *Call) Bytes(name string, value []byte) {
	c.Int(name, len(c.attachments))
	c.attachments = append(c.attachments, value)
}

// key begins a member of an object or an item of a list.
func (c *Call) key(name string) {
	c.separate()
	if last := len(c.place) - 1; last >= 0 && c.place[last].items >= 0 {
		c.place[last].items++
		return
	}
	c.request = append(c.request, '"')
	c.request = append(c.request, name...)
	c.request = append(c.request, `":`...)
}

func (c *Call) separate() {
	if last := c.request[len(c.request)-1]; last != '{' && last != '[' && last != ',' {
		c.request = append(c.request, ',')
	}
}

// refuse fails the call for a text. The error names the argument and not its value, which may be a secret.
func (c *Call) refuse(name string) {
	c.fail(fmt.Sprintf(
		"The argument %s is not valid UTF-8; only the contents of files and of standard input may be any bytes.", c.at(name)))
}

func (c *Call) fail(message string) {
	if c.err == nil {
		c.err = errors.New(errors.ErrInvalidArgument, message)
	}
}

// at is where a value is: files[0].destination. The options have no name of their own.
func (c *Call) at(name string) string {
	var path strings.Builder
	for _, p := range c.place {
		if p.name != "options" && p.name != "" {
			path.WriteString("." + p.name)
		}
		if p.items > 0 {
			fmt.Fprintf(&path, "[%d]", p.items-1)
		}
	}
	if name != "" && name[0] != '[' {
		path.WriteString(".")
	}
	return strings.TrimPrefix(path.String()+name, ".")
}

const hex = "0123456789abcdef"

// appendText adds a text as JSON.
func appendText(to []byte, text string) []byte {
	to = append(to, '"')
	begun := 0
	for i := 0; i < len(text); i++ {
		b := text[i]
		if b >= ' ' && b != '"' && b != '\\' {
			continue
		}
		to = append(to, text[begun:i]...)
		if b < ' ' {
			to = append(to, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		} else {
			to = append(to, '\\', b)
		}
		begun = i + 1
	}
	to = append(to, text[begun:]...)
	return append(to, '"')
}
