package feedback

import "fmt"

// OptionError is a mistake in the options of a call. Nothing was written.
type OptionError struct {
	// Option is the field of the options struct, with a dot for a field inside
	// another: "MaxParams", "Data.Limit".
	Option string
	// Value is the value of the field where that helps, or nil.
	Value any
	// Reason says what is wrong. It continues the name and the value of the option.
	Reason string
	// Err is the error behind it, or nil.
	Err error
}

func (e *OptionError) Error() string { return e.Describe(e.Option) }

// Unwrap returns Err.
func (e *OptionError) Unwrap() error { return e.Err }

// Describe returns the message with another name for the option, such as that of
// a command-line flag.
func (e *OptionError) Describe(option string) string {
	switch v := e.Value.(type) {
	case nil:
		return option + ": " + e.Reason
	case string:
		return fmt.Sprintf("%s %q %s", option, v, e.Reason)
	default:
		return fmt.Sprintf("%s %v %s", option, v, e.Reason)
	}
}

// Mistake returns an OptionError without a value.
func Mistake(option, format string, args ...any) error {
	return &OptionError{Option: option, Reason: fmt.Sprintf(format, args...)}
}
