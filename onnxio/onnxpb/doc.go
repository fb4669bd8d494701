// Package onnxpb holds the messages of an ONNX model's structure, generated
// from onnx.proto in this folder (make generate).
package onnxpb
