package onnxio

import (
	"fmt"
	"io/fs"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// FormatError means that a file is not an ONNX model, or only a part of one.
type FormatError struct {
	Path    string
	Problem string // such as "is empty"
	Err     error  // the fault in the file, where one was found; or nil
	Advice  string // what to do about it
}

func (e *FormatError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s %s: %v", e.Path, e.Problem, e.Err)
	}
	return e.Path + " " + e.Problem
}

// Unwrap returns Err.
func (e *FormatError) Unwrap() error { return e.Err }

// Hint returns Advice.
func (e *FormatError) Hint() string { return e.Advice }

// PathError means that a path does not lead to a file that can be used as it is to be.
type PathError struct {
	Path    string
	Problem string // such as "is a folder"; it follows the path
	Err     error  // fs.ErrNotExist, or nil
	Advice  string // what to do about it
}

func (e *PathError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", e.Path, e.Err)
	}
	return e.Path + " " + e.Problem
}

// Unwrap returns Err.
func (e *PathError) Unwrap() error { return e.Err }

// Hint returns Advice.
func (e *PathError) Hint() string { return e.Advice }

// OverwriteError means that Restore would replace a file of the locked model.
type OverwriteError struct {
	Path  string // the file
	Model string // the locked model
}

func (e *OverwriteError) Error() string {
	return fmt.Sprintf("restoring %s would replace a file of the locked model %s", e.Path, e.Model)
}

// Hint says what to do.
func (e *OverwriteError) Hint() string { return "restore into another folder, or in place" }

// ExternalDataError means that an external data file of a model is missing, a symbolic
// link or too short.
type ExternalDataError struct {
	Location string // the file, as the model names it
	// Missing and Link report whether there is no such file, and whether it is a
	// symbolic link. The error then wraps fs.ErrNotExist if it is missing.
	Missing, Link bool
	// Otherwise bytes From to To are needed of a file of Size bytes.
	From, To, Size int64
}

func (e *ExternalDataError) Error() string {
	switch {
	case e.Missing:
		return fmt.Sprintf("external data %q: %v", e.Location, fs.ErrNotExist)
	case e.Link:
		return fmt.Sprintf("external data %q is a symbolic link", e.Location)
	}
	return fmt.Sprintf("needs bytes %d to %d of external data %q, which has %d", e.From, e.To, e.Location, e.Size)
}

// Unwrap returns fs.ErrNotExist if the file is missing.
func (e *ExternalDataError) Unwrap() error {
	if e.Missing {
		return fs.ErrNotExist
	}
	return nil
}

// Hint says what to do.
func (e *ExternalDataError) Hint() string {
	switch {
	case e.Missing:
		return "keep the data file beside the model, under the name the model knows it by"
	case e.Link:
		return "symbolic links could lead out of the model's folder: copy the model and its data, following links (cp -RL)"
	}
	return "the data file is truncated or belongs to another model"
}

// LocationError means that an external data location could lead out of the model's
// folder.
type LocationError struct {
	Location string
	Problem  string // such as "is absolute"
}

func (e *LocationError) Error() string {
	return fmt.Sprintf("external data location %.200q %s", e.Location, e.Problem)
}

// Hint says where external data may lie.
func (e *LocationError) Hint() string { return "external data must lie in the model's own folder" }

// DataTypeError means that an initializer has a data type that ONNX, as this package
// knows it, does not define.
type DataTypeError struct{ DataType onnxpb.TensorProto_DataType }

func (e *DataTypeError) Error() string { return fmt.Sprintf("unknown data type %v", e.DataType) }

// Hint says what that means.
func (e *DataTypeError) Hint() string {
	return "the file is damaged or uses an ONNX version newer than this program knows"
}

// DuplicateError means that two initializers of a graph have the same name.
type DuplicateError struct{ Graph, Name string }

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("two initializers of graph %q are called %q", e.Graph, e.Name)
}

// Hint says what to do.
func (e *DuplicateError) Hint() string { return "names must be unique: export the model again" }
