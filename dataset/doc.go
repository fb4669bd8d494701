// Package dataset reads labelled samples in the form a model takes them, and
// reads and writes NumPy's .npz files.
package dataset
