package errors

import (
	"encoding/json"
	"io"
	"net/http"
)

// maxBody is how much of an error's body is read.
const maxBody = 1 << 20

// NewDaytonaError makes an error of the base class.
func NewDaytonaError(message string, statusCode int, headers http.Header) *DaytonaError {
	return &DaytonaError{Message: message, StatusCode: statusCode, Headers: headers, Kind: ErrUnknown}
}

func made(kind Kind, message string, statusCode int, headers http.Header) *DaytonaError {
	return &DaytonaError{Message: message, StatusCode: statusCode, Headers: headers, Kind: kind}
}

// NewDaytonaErrorFromBody makes the error that a response stands for; its message is the one of a JSON body, or
// the body itself.
func NewDaytonaErrorFromBody(body []byte, statusCode int, headers http.Header) error {
	var known struct {
		Message string `json:"message"`
		Code    string `json:"code"`
		Source  string `json:"source"`
	}
	if json.Unmarshal(body, &known) != nil || known.Message == "" {
		known.Message = string(body)
	}
	if known.Message == "" {
		known.Message = http.StatusText(statusCode)
	}
	e := made(kindOf(statusCode), known.Message, statusCode, headers)
	e.Code, e.Source = known.Code, known.Source
	return classify(e)
}

// ConvertAPIError makes the error of a request that a program made itself: of its response when there is one, else of
// err. It returns nil when err is nil.
func ConvertAPIError(err error, httpResp *http.Response) error {
	switch {
	case err == nil:
		return nil
	case httpResp == nil || httpResp.StatusCode < http.StatusBadRequest:
		e := made(ErrUnknown, err.Error(), 0, nil)
		e.cause = err
		return e
	}
	var body []byte
	if httpResp.Body != nil {
		// What could be read of it is the message.
		body, _ = io.ReadAll(io.LimitReader(httpResp.Body, maxBody))
	}
	return NewDaytonaErrorFromBody(body, httpResp.StatusCode, httpResp.Header)
}

// ConvertToolboxError does the same as [ConvertAPIError].
func ConvertToolboxError(err error, httpResp *http.Response) error {
	return ConvertAPIError(err, httpResp)
}
