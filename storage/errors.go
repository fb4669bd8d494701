package storage

import "fmt"

// OperationError means that an operation on an object failed for a reason that its user
// can do something about.
type OperationError struct {
	Verb, URL string
	Err       error // wraps fs.ErrNotExist if there is no such object
	Advice    string
}

func (e *OperationError) Error() string { return fmt.Sprintf("cannot %s %s: %v", e.Verb, e.URL, e.Err) }

// Unwrap returns Err.
func (e *OperationError) Unwrap() error { return e.Err }

// Hint returns Advice.
func (e *OperationError) Hint() string { return e.Advice }

// CredentialsError means that the environment does not have the credentials that a cloud
// asks for.
type CredentialsError struct {
	Err    error // of the cloud's client
	Advice string
}

func (e *CredentialsError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *CredentialsError) Unwrap() error { return e.Err }

// Hint returns Advice.
func (e *CredentialsError) Hint() string { return e.Advice }
