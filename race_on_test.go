//go:build race

package advparams_test

// raceDetector is on: pools forget what they hold, so that more is allocated.
const raceDetector = true
