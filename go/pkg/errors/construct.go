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

// NewDaytonaAuthenticationError makes an error for HTTP status 401.
func NewDaytonaAuthenticationError(message string, headers http.Header) *DaytonaAuthenticationError {
	return &DaytonaAuthenticationError{made(ErrAuthentication, message, http.StatusUnauthorized, headers)}
}

// NewDaytonaForbiddenError makes an error for HTTP status 403.
func NewDaytonaForbiddenError(message string, headers http.Header) *DaytonaForbiddenError {
	return &DaytonaForbiddenError{made(ErrAuthorization, message, http.StatusForbidden, headers)}
}

// NewDaytonaNotFoundError makes an error for HTTP status 404.
func NewDaytonaNotFoundError(message string, headers http.Header) *DaytonaNotFoundError {
	return &DaytonaNotFoundError{made(ErrNotFound, message, http.StatusNotFound, headers)}
}

// NewDaytonaConflictError makes an error for HTTP status 409.
func NewDaytonaConflictError(message string, headers http.Header) *DaytonaConflictError {
	return &DaytonaConflictError{made(ErrConflict, message, http.StatusConflict, headers)}
}

// NewDaytonaValidationError makes an error for HTTP status 400.
func NewDaytonaValidationError(message string, headers http.Header) *DaytonaValidationError {
	return &DaytonaValidationError{made(ErrValidation, message, http.StatusBadRequest, headers)}
}

// NewDaytonaRateLimitError makes an error for HTTP status 429.
func NewDaytonaRateLimitError(message string, headers http.Header) *DaytonaRateLimitError {
	return &DaytonaRateLimitError{made(ErrRateLimit, message, http.StatusTooManyRequests, headers)}
}

// NewDaytonaServerError makes an error for an HTTP status of 500 or more.
func NewDaytonaServerError(message string, statusCode int, headers http.Header) *DaytonaServerError {
	return &DaytonaServerError{made(ErrServer, message, statusCode, headers)}
}

// NewDaytonaTimeoutError makes an error for a deadline that passed.
func NewDaytonaTimeoutError(message string) *DaytonaTimeoutError {
	return &DaytonaTimeoutError{made(ErrTimeout, message, 0, nil)}
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

func kindOf(status int) Kind {
	switch status {
	case http.StatusBadRequest:
		return ErrValidation
	case http.StatusUnauthorized:
		return ErrAuthentication
	case http.StatusForbidden:
		return ErrAuthorization
	case http.StatusNotFound:
		return ErrNotFound
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return ErrTimeout
	case http.StatusConflict:
		return ErrConflict
	case http.StatusGone:
		return ErrGone
	case http.StatusUnprocessableEntity:
		return ErrUnprocessableEntity
	case http.StatusTooManyRequests:
		return ErrRateLimit
	}
	if status >= http.StatusInternalServerError {
		return ErrServer
	}
	return ErrUnknown
}
