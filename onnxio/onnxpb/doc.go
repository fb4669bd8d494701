// Package onnxpb holds the messages of an ONNX model's structure, generated
// from onnx.proto in this folder (make generate), and how they name functions.
package onnxpb

//go:generate protoc -I../.. --go_out=../.. --go_opt=paths=source_relative onnxio/onnxpb/onnx.proto
