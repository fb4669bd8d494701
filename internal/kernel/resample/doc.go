// Package resample reads images between their elements.
//
// # Files
//
//	doc.go          this file
//	interpolate.go  Taps: interpolation along one axis, as a sparse matrix
//	gridsample.go   GridSample: images read at arbitrary points
package resample
