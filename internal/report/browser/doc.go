// Package browser looks at reports as people do: in Chromium, light, dark, on a phone and on
// paper. It is a module of its own, so that the program does not inherit what drives a
// browser. `make test-report` runs it; without Chromium it is skipped.
//
// With the environment variable ADVPARAMS_SCREENSHOTS, pictures of all pages are left in the
// folder that it names. report.png among them is that of README.md.
package browser
