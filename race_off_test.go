//go:build !race

package advparams_test

const raceDetector = false
