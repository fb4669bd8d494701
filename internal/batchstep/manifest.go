package batchstep

import (
	"errors"
	"strings"
	"unicode"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/wire"
)

// optionError is an error in an option, in terms of the manifest.
type optionError struct {
	error
	text string
}

func (e *optionError) Error() string { return e.text }
func (e *optionError) Unwrap() error { return e.error }

// inManifest words an error in options in terms of the manifest, which is where the
// options of a batch come from.
func inManifest(err error, step string) error {
	var option *advparams.OptionError
	if !errors.As(err, &option) {
		return err
	}
	return &optionError{err, option.Describe(manifestOption(step, option.Option))}
}

// manifestOptions are the options of a manifest that have other names than those of
// package advparams.
var manifestOptions = map[string]string{
	"Target": "target_accuracy", "Unbounded": "bounds", "Recipients": "seal",
	"Locked": "output", "Output": "data.output", "Task": "data.task",
}

// manifestOption returns the option of a manifest that an option of package advparams
// comes from: verify.data.limit for Data.Limit.
func manifestOption(step, option string) string {
	name, ok := manifestOptions[option]
	if !ok {
		var b strings.Builder
		for i, r := range option {
			if unicode.IsUpper(r) && i > 0 && option[i-1] != '.' {
				b.WriteByte('_')
			}
			b.WriteRune(unicode.ToLower(r))
		}
		name = b.String()
	}
	if step == wire.StepProtect {
		return name
	}
	return step + "." + name
}
