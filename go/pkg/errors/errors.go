// Package errors has the errors of the Daytona SDK.
//
// Every error is a class such as [DaytonaNotFoundError], found with errors.As; more general classes and the base class
// [DaytonaError] are found the same way. Kinds such as [ErrNotFound] are asked for with errors.Is, and include what is more
// exact than they are: a missing file is ErrFileNotFound and ErrNotFound.
//
// A context that ends gives a [DaytonaTimeoutError] or a [DaytonaCancelledError], for which errors.Is also finds
// context.DeadlineExceeded or context.Canceled.
package errors

import "fmt"

// Kind is what went wrong, in the terms a program decides by. Newer versions of the native library may have kinds that
// are not listed here; their errors are of the base class.
type Kind string

// Error makes kinds usable with errors.Is.
func (k Kind) Error() string { return "daytona: " + string(k) }

// is reports whether the kind is other, or more exact than other.
func (k Kind) is(other Kind) bool {
	for ; k != ""; k = k.Parent() {
		if k == other {
			return true
		}
	}
	return false
}

// Error returns the message, with the HTTP status when there was one.
func (e *DaytonaError) Error() string {
	if e.StatusCode != 0 {
		return fmt.Sprintf("Daytona error (status %d): %s", e.StatusCode, e.Message)
	}
	return "Daytona error: " + e.Message
}

// Is reports whether target is the kind of the error, or a more general one.
func (e *DaytonaError) Is(target error) bool {
	kind, ok := target.(Kind)
	return ok && e.Kind.is(kind)
}

// Unwrap returns the context's error when the context ended the call.
func (e *DaytonaError) Unwrap() error { return e.cause }

// Timeout reports whether a deadline passed, as net.Error does.
func (e *DaytonaError) Timeout() bool {
	return e.Kind.is(ErrTimeout) || e.Kind.is(ErrConnectionTimeout)
}

// DaytonaForbiddenError is the second name of [DaytonaAuthorizationError].
type DaytonaForbiddenError = DaytonaAuthorizationError

// DaytonaBadRequestError is the second name of [DaytonaValidationError].
type DaytonaBadRequestError = DaytonaValidationError

// ErrForbidden is the second name of [ErrAuthorization].
const ErrForbidden = ErrAuthorization

// ErrBadRequest is the second name of [ErrValidation].
const ErrBadRequest = ErrValidation
