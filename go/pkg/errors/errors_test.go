package errors

import (
	"context"
	"errors"
	"net/http"
	"os"
	"testing"
	"time"
)

const description = `{"kind":"FileNotFound","message":"no such file","status":404,"headers":{"x-request-id":"r1","retry-after":"2"},
	"code":"FILE_NOT_FOUND","source":"DAYTONA_DAEMON","requestId":"r1","method":"GET","url":"https://h/p","operation":"fs.get_file_info","retryable":true,"retryAfter":1.5}`

func TestAnErrorIsFoundByItsClassAndEveryMoreGeneralOne(t *testing.T) {
	err := Decode([]byte(description))
	var exact *DaytonaFileNotFoundError
	var general *DaytonaNotFoundError
	var base *DaytonaError
	if !errors.As(err, &exact) || !errors.As(err, &general) || !errors.As(err, &base) {
		t.Fatalf("%T is not found by its classes", err)
	}
	var other *DaytonaConflictError
	if errors.As(err, &other) {
		t.Error("found by a class it does not belong to")
	}
	for _, kind := range []Kind{ErrFileNotFound, ErrNotFound} {
		if !errors.Is(err, kind) {
			t.Errorf("not found by the kind %s", kind)
		}
	}
	if errors.Is(err, ErrConflict) || errors.Is(err, context.Canceled) {
		t.Error("found by a kind it does not belong to")
	}
}

func TestAnErrorTellsWhatIsKnownAboutTheRequest(t *testing.T) {
	var e *DaytonaError
	errors.As(Decode([]byte(description)), &e)
	want := DaytonaError{
		Message: "no such file", StatusCode: 404, Kind: ErrFileNotFound, Code: "FILE_NOT_FOUND", Source: "DAYTONA_DAEMON",
		RequestID: "r1", Method: "GET", URL: "https://h/p", Operation: "fs.get_file_info", Retryable: true, RetryAfter: 1500 * time.Millisecond,
	}
	got := *e
	got.Headers = nil
	if got.Message != want.Message || got.StatusCode != want.StatusCode || got.Kind != want.Kind || got.Code != want.Code ||
		got.Source != want.Source || got.RequestID != want.RequestID || got.Method != want.Method || got.URL != want.URL || got.Operation != want.Operation ||
		got.Retryable != want.Retryable || got.RetryAfter != want.RetryAfter {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if e.Headers.Get("Retry-After") != "2" {
		t.Errorf("headers are %v", e.Headers)
	}
	if text := e.Error(); text != "Daytona error (status 404): no such file" {
		t.Errorf("text is %q", text)
	}
}

func TestAnUnknownKindIsOfTheBaseClass(t *testing.T) {
	err := Decode([]byte(`{"kind":"FromTheFuture","message":"hm","retryable":false}`))
	if e, ok := err.(*DaytonaError); !ok || e.Kind != "FromTheFuture" {
		t.Errorf("%T %v", err, err)
	}
}

func TestTheEndOfAContextIsBothErrors(t *testing.T) {
	expired, cancel := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer cancel()
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	reason := errors.New("shutting down")
	withCause, cancelCause := context.WithCancelCause(context.Background())
	cancelCause(reason)
	tests := []struct {
		name  string
		ctx   context.Context
		kinds []error
	}{
		{"deadline", expired, []error{context.DeadlineExceeded, ErrTimeout}},
		{"cancelled", cancelled, []error{context.Canceled, ErrCancelled}},
		{"cancelled with a cause", withCause, []error{context.Canceled, ErrCancelled, reason}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := FromContext(test.ctx, "process.exec")
			for _, kind := range test.kinds {
				if !errors.Is(err, kind) {
					t.Errorf("%v is not %v", err, kind)
				}
			}
			if os.IsTimeout(err) != (test.name == "deadline") {
				t.Errorf("os.IsTimeout is %v", os.IsTimeout(err))
			}
		})
	}
}

func TestAResponseBecomesTheClassOfItsStatus(t *testing.T) {
	tests := []struct {
		status int
		kind   Kind
	}{
		{400, ErrBadRequest}, {401, ErrAuthentication}, {403, ErrForbidden}, {404, ErrNotFound}, {408, ErrTimeout}, {409, ErrConflict},
		{410, ErrGone}, {422, ErrValidation}, {429, ErrRateLimit}, {500, ErrServer}, {503, ErrServer}, {504, ErrTimeout},
	}
	for _, test := range tests {
		err := NewDaytonaErrorFromBody([]byte(`{"message":"m","code":"C"}`), test.status, http.Header{})
		var e *DaytonaError
		if !errors.Is(err, test.kind) || !errors.As(err, &e) || e.Message != "m" || e.Code != "C" {
			t.Errorf("%d: %T %v", test.status, err, err)
		}
	}
	if ConvertAPIError(nil, nil) != nil {
		t.Error("no error became one")
	}
	cause := errors.New("no route")
	if err := ConvertToolboxError(cause, nil); !errors.Is(err, cause) {
		t.Errorf("%v lost its cause", err)
	}
}

func TestTheSecondNamesAreTheSameClasses(t *testing.T) {
	var err error = NewDaytonaForbiddenError("no", nil)
	var authorization *DaytonaAuthorizationError
	if !errors.As(err, &authorization) || !errors.Is(err, ErrAuthorization) {
		t.Errorf("%T", err)
	}
	err = NewDaytonaValidationError("no", nil)
	var badRequest *DaytonaBadRequestError
	if !errors.As(err, &badRequest) {
		t.Errorf("%T", err)
	}
}
