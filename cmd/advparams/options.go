package main

import (
	"errors"
	"strings"
	"unicode"

	"github.com/advparams/advparams"
)

// flags has the flags of options of package advparams whose names differ from that of
// the option.
var flags = map[string]string{
	"Data.MadeUp":       "--data",
	"Data.Shape":        "--shape",
	"Grid":              "--grid",
	"Key.MaxWorkFactor": "--max-work-factor",
	"KeyTo":             "--key",
	"Locked":            "--out",
	"Recipients":        "--recipient",
	"Shapes":            "--shape",
	"Target":            "--target-accuracy",
	"Test.Limit":        "--test-limit",
	"Unbounded":         "--bounds",
	"Vocabulary":        "--vocab",
}

// flagOf returns the flag of an option: --max-params for MaxParams.
func flagOf(option string) string {
	if flag, ok := flags[option]; ok {
		return flag
	}
	var b strings.Builder
	b.WriteString("--")
	for i, r := range strings.TrimPrefix(option, "Data.") {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// inFlags words an error in options in terms of flags.
func inFlags(err error) error {
	var option *advparams.OptionError
	if !errors.As(err, &option) {
		return err
	}
	return &optionError{err, option.Describe(flagOf(option.Option))}
}

// optionError is an error in an option, in terms of flags.
type optionError struct {
	error
	text string
}

func (e *optionError) Error() string { return e.text }
func (e *optionError) Unwrap() error { return e.error }

// optionHint returns what to do about an error of package advparams; "" if nothing is
// known.
func optionHint(err error) string {
	var (
		option   *advparams.OptionError
		axes     *advparams.OpenAxesError
		labels   *advparams.NoLabelsError
		original *advparams.NotOriginalError
		batch    *advparams.BatchError
	)
	switch {
	case errors.As(err, &axes):
		return "give them with --shape " + axes.Input + "=…"
	case errors.As(err, &labels):
		return "add labels, or use the model's own answers with --labels model; --task outputs and, for vectors, --task embedding need none"
	case errors.As(err, &original) && original.Digests:
		return "give the model that was locked, or leave --original out"
	case errors.As(err, &original):
		return "name the original model"
	case errors.As(err, &batch):
		return batchHint(batch)
	case !errors.As(err, &option):
		return ""
	}
	return map[string]string{
		"Data.Shape": "--data none makes up samples",
		"Include":    "advparams inspect lists the initializers of a model",
		"Exclude":    "advparams inspect lists the initializers of a model",
		"Original":   "give --original, or --key to get at it",
		"Output":     "--output is the name of a model's output; -o is the file to write",
		"Secrets":    "open the key with -i IDENTITY or --passphrase",
		"Attacks":    "advparams attack --help lists them; some need --key or --original, --public, or --oracle",
	}[option.Option]
}

// batchHint returns what to do about a batch that does not fit a model.
func batchHint(err *advparams.BatchError) string {
	switch err.Array {
	case "":
		return "the arrays in " + err.Batch + " have to have the shapes of the model's inputs"
	case "labels":
		return "the cross-entropy takes an array of integers, one class a sample, counted from 0"
	}
	return "store an array for each of the model's inputs, with its name and element type"
}
