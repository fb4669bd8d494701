package main

import (
	"errors"

	"github.com/advparams/advparams/batch"
	"github.com/advparams/advparams/internal/hint"
)

// manifestHint returns what can be done about an error of a batch: what the error
// says itself, in terms of the manifest, and the flags that help as well.
func manifestHint(err error) string {
	var (
		killed *batch.KilledError
		exists *batch.OutputExistsError
		size   *batch.CacheSizeError
	)
	advice := hint.Of(err)
	switch {
	case errors.As(err, &killed):
		return advice + ", or fewer --workers"
	case errors.As(err, &exists):
		return advice + ", or replace it with --force"
	case errors.As(err, &size):
		return "raise --cache-size, or " + advice
	}
	return advice
}
